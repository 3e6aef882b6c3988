//! Misbehaviour on the admin listener, for instances that offer it: `/admin/faults`, `/admin/stall`,
//! `/admin/disconnect`, `/admin/truth`. JSON in, JSON out; what cannot be meant is 400 with the reason.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::{mpsc, oneshot};

use crate::{
    faults::{Cut, Deed, Faults, Order, Plan},
    room::ToWorker,
    shared::Shared,
    time,
};

/// How long to wait for workers and connections.
const PATIENCE: Duration = Duration::from_secs(5);

type Refusal = (StatusCode, String);

#[derive(Clone)]
struct Admin {
    shared: Arc<Shared>,
    faults: Arc<Faults>,
}

/// The routes, if the instance offers them.
pub(super) fn router(shared: &Arc<Shared>) -> Router {
    let Some(faults) = shared.faults.clone() else { return Router::new() };
    Router::new()
        .route("/admin/faults", get(show).post(plan))
        .route("/admin/stall", post(stall))
        .route("/admin/disconnect", post(disconnect))
        .route("/admin/truth", get(truth))
        .with_state(Admin { shared: Arc::clone(shared), faults })
}

fn bad(why: String) -> Refusal {
    (StatusCode::BAD_REQUEST, why + "\n")
}

async fn show(State(admin): State<Admin>) -> Json<Value> {
    Json(json!({ "plan": &*admin.faults.plan(), "deeds": admin.faults.truth.done(), "now_us": time::micros() }))
}

async fn plan(State(admin): State<Admin>, body: Bytes) -> Result<Json<Value>, Refusal> {
    admin.faults.set(Plan::parse(&body).map_err(bad)?);
    Ok(show(State(admin)).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stall {
    ms: u64,
}

async fn stall(State(admin): State<Admin>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Stall { ms } = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
    if ms > 600_000 {
        return Err(bad("ms is at most 600000".into()));
    }
    let from = time::micros();
    let until = from + ms * 1_000;
    admin.faults.stall(until);
    admin.faults.truth.record(Deed { what: "stall", at: from, by: Some(ms * 1_000), ..Deed::default() });
    Ok(Json(json!({ "from_us": from, "until_us": until })))
}

async fn disconnect(State(admin): State<Admin>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let order = Order::parse(&body).map_err(bad)?;
    let registry = &admin.shared.registry;
    let mut everybody = Vec::new();
    for worker in 0..admin.shared.config.workers {
        let (answer, answered) = oneshot::channel();
        registry.tell(worker, ToWorker::List(answer));
        let list = tokio::time::timeout(PATIENCE, answered).await;
        let Ok(Ok(list)) = list else { return Err((StatusCode::SERVICE_UNAVAILABLE, "stalled\n".into())) };
        everybody.extend(list.into_iter().map(|(user, peer)| (user, (worker, peer))));
    }
    let chosen = order.choose(everybody);
    let (done, mut told) = mpsc::channel(chosen.len().max(1));
    for (_, (worker, peer)) in &chosen {
        let cut = Cut { how: order.how, done: done.clone() };
        registry.tell(*worker, ToWorker::Cut { peer: *peer, cut });
    }
    drop(done);
    let mut cuts = Vec::with_capacity(chosen.len());
    let all = async {
        while let Some(done) = told.recv().await {
            // A user's name is JSON already.
            let user: Option<Box<RawValue>> = RawValue::from_string(done.user.json.to_string()).ok();
            cuts.push(json!({ "user": user, "at_us": done.at }));
        }
    };
    // Connections that went by themselves meanwhile are not waited for.
    let _some_late = tokio::time::timeout(PATIENCE, all).await;
    Ok(Json(json!({ "how": order.how.to_string(), "chosen": chosen.len(), "cut": cuts })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn truth(State(admin): State<Admin>, Query(After { after }): Query<After>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/x-ndjson")], admin.faults.truth.page(after))
}
