//! The room server's protocol as a dialect file would describe it: what a description costs beside the dialect that is
//! programmed. The same server, the same frames.

use crate::server::Server;
use crate::stats::median;

/// The protocol, described.
const DECLARED: &str = r#"
dialect = "json"
[target.with]
path          = "/ws"
auth          = '{"type":"auth","token":"{{token}}"}'
join          = '{"type":"join","room":"{{room}}","ref":{{ref}}}'
publish       = '{"type":"message","room":"{{room}}","ref":{{ref}},"content":"{{text}}"}'
welcome       = { when = { "/type" = "welcome" }, instance = "/instance" }
authenticated = { when = { "/type" = "auth.success" } }
joined        = { when = { "/type" = "joined" }, ref = "/ref", room = "/room", offset = "/off", epoch = "/ep" }
deliver       = { when = { "/type" = "message" }, offset = "/off" }
reply         = { when = { "/type" = "ack" }, ref = "/ref" }
error         = { when = { "/type" = "error" }, code = "/code", ref = "/ref" }
presence      = { when = { "/type" = ["user.joined", "user.left"] } }
"#;

/// Both dialects in turn, against one server.
pub(crate) fn compare() {
    let server = Server::start(1, "memory");
    let costs = crate::rounds(&[&|| crate::wsbench(&server, ""), &|| crate::wsbench(&server, DECLARED)]);
    println!("dialect: CPU of wsbench per delivery, medians of {} rounds", costs.len());
    for (at, name) in ["room", "described"].into_iter().enumerate() {
        let cpu = median(costs.iter().map(|round| round[at].cpu));
        let rate = median(costs.iter().map(|round| round[at].deliveries_per_second));
        println!("  {name:<12}{cpu:>9.2} µs{rate:>12.0} deliveries/s");
    }
    let ratio = median(costs.iter().map(|round| round[1].cpu / round[0].cpu));
    println!("  described {ratio:.2} x room; goal: at most 1.30");
}
