//! The admin listener: `/livez` (the process answers), `/readyz` (clients should come), `/metrics`.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};

use crate::{broker::Health, shared::Shared, stats};

/// The routes of the admin listener.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let admin = super::admin::router(&shared);
    Router::new()
        .route("/livez", get(async || "live\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(shared)
        .merge(admin)
}

async fn readyz(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    if shared.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
    }
    match &*shared.health.borrow() {
        Health::Up => (StatusCode::OK, "ready\n".to_owned()),
        Health::Starting(why) | Health::Down(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{} does not answer: {why}\n", shared.broker))
        }
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, stats::CONTENT_TYPE)], shared.stats.page(&shared.name))
}
