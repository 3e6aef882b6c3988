//! HS256 tokens (RFC 7515 compact form, RFC 7519 claims): verifying and minting.
//!
//! Errors never carry the token or any part of it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The key shared by those who mint tokens and those who verify them. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// What a token says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: String,
    /// Seconds since 1970 from which on the token is no longer good.
    pub exp: u64,
}

/// Why a token is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three base64url parts, or not the claims wanted.
    #[error("token is malformed")]
    Malformed,
    /// Any algorithm but HS256, `none` included.
    #[error("token is not signed with HS256")]
    Algorithm,
    /// Signed with another key, or altered.
    #[error("token signature does not match")]
    Signature,
    /// `exp` has passed, or `nbf` has not come.
    #[error("token is expired or not valid yet")]
    Expired,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Received {
    sub: String,
    exp: f64,
    nbf: Option<f64>,
}

impl Secret {
    /// Takes the key's bytes as they are.
    pub fn new(key: impl Into<Vec<u8>>) -> Self {
        Self(key.into())
    }

    /// Makes a token for `sub` that is good until `exp` (seconds since 1970).
    pub fn mint(&self, sub: &str, exp: u64) -> String {
        let claims = Claims { sub: sub.to_owned(), exp };
        // Invariant: a struct of a string and an integer always serialises.
        let claims = serde_json::to_vec(&claims).expect("claims serialise");
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.mac(signed.as_bytes()).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// Checks signature and times; `now` in seconds since 1970, no leeway.
    pub fn verify(&self, token: &str, now: u64) -> Result<Claims, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header: Header = parse(header)?;
        if header.alg != "HS256" {
            return Err(TokenError::Algorithm);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
        self.mac(signed.as_bytes()).verify_slice(&signature).map_err(|_| TokenError::Signature)?;
        let claims: Received = parse(payload)?;
        if claims.sub.is_empty() {
            return Err(TokenError::Malformed);
        }
        let now = now as f64;
        if claims.exp <= now || claims.nbf.is_some_and(|start| now < start) {
            return Err(TokenError::Expired);
        }
        Ok(Claims { sub: claims.sub, exp: claims.exp as u64 })
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        // Invariant: HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes any key");
        mac.update(message);
        mac
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn parse<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, TokenError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515, appendix A.1.
    const RFC_KEY: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    const RFC_SIGNED: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RFC_SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn rfc_secret() -> Secret {
        Secret::new(URL_SAFE_NO_PAD.decode(RFC_KEY).unwrap())
    }

    #[test]
    fn signs_like_rfc_7515() {
        let mac = rfc_secret().mac(RFC_SIGNED.as_bytes()).finalize().into_bytes();
        assert_eq!(URL_SAFE_NO_PAD.encode(mac), RFC_SIGNATURE);
    }

    #[test]
    fn the_rfc_token_passes_the_signature_and_fails_for_its_missing_sub() {
        let token = format!("{RFC_SIGNED}.{RFC_SIGNATURE}");
        assert_eq!(rfc_secret().verify(&token, 0), Err(TokenError::Malformed));
    }

    #[test]
    fn what_is_minted_verifies_until_it_expires() {
        let secret = Secret::new("k");
        let token = secret.mint("käthe", 100);
        assert_eq!(secret.verify(&token, 99), Ok(Claims { sub: "käthe".into(), exp: 100 }));
        assert_eq!(secret.verify(&token, 100), Err(TokenError::Expired));
        assert_eq!(Secret::new("other").verify(&token, 99), Err(TokenError::Signature));
    }

    #[test]
    fn every_altered_token_is_refused() {
        let secret = Secret::new("k");
        let token = secret.mint("u1", 100);
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert!(secret.verify(&altered, 1).is_err() || altered == token, "accepted {altered}");
            assert!(secret.verify(&token[..at], 1).is_err());
        }
    }

    #[test]
    fn other_algorithms_are_refused() {
        let secret = Secret::new("k");
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS512"}"#, r#"{"alg":"hs256"}"#] {
            let signed = format!("{}.e30", URL_SAFE_NO_PAD.encode(header));
            let signature = URL_SAFE_NO_PAD.encode(secret.mac(signed.as_bytes()).finalize().into_bytes());
            assert_eq!(secret.verify(&format!("{signed}.{signature}"), 0), Err(TokenError::Algorithm));
        }
    }
}
