//! Minting HS256 tokens (RFC 7515). Written again in the reference server, like the wire: shared code would hide a
//! shared mistake. Verifying is not done here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Map, Value};
use sha2::Sha256;

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// A signed token carrying `claims`.
pub fn mint(secret: &[u8], claims: &Map<String, Value>) -> String {
    sign(secret, HEADER.as_bytes(), Value::Object(claims.clone()).to_string().as_bytes())
}

/// A signed token for `user` that expires at `expires`, seconds since 1970: what the bundled server asks for.
pub fn mint_for(secret: &[u8], user: &str, expires: u64) -> String {
    let claims = [("sub".to_owned(), Value::from(user)), ("exp".to_owned(), Value::from(expires))];
    mint(secret, &claims.into_iter().collect())
}

fn sign(secret: &[u8], header: &[u8], payload: &[u8]) -> String {
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(token.as_bytes());
    let signature = mac.finalize().into_bytes();
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7515_a_1() {
        let key = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let header = b"{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}";
        let payload = b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
        let expected = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                        dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(sign(&key, header, payload), expected);
    }

    #[test]
    fn claims_are_carried() {
        let token = mint_for(b"secret", "u7", 1_900_000_000);
        let payload = token.split('.').nth(1).unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!(claims, serde_json::json!({"sub": "u7", "exp": 1_900_000_000}));
    }
}
