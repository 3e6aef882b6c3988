//! Where a token is shown to a server at the opening.

use super::{AuthStyle, Identity};
use crate::wire::Opening;

/// Puts the token where this style shows it to a server.
pub(super) fn show_token(identity: &Identity, opening: &mut Opening) {
    let Some(token) = &identity.token else { return };
    match identity.auth {
        AuthStyle::QueryToken => opening.query.push(("token".to_owned(), token.clone())),
        AuthStyle::Header => opening.headers.push(("Authorization".to_owned(), format!("Bearer {token}"))),
        AuthStyle::Cookie => opening.headers.push(("Cookie".to_owned(), format!("token={token}"))),
        AuthStyle::FirstMessage | AuthStyle::None => {}
    }
}

/// The same where there is no first message to put it in: then it goes into the header.
pub(super) fn show_token_over_http(identity: &Identity, opening: &mut Opening) {
    let auth = match identity.auth {
        AuthStyle::FirstMessage => AuthStyle::Header,
        other => other,
    };
    show_token(&Identity { auth, ..identity.clone() }, opening);
}
