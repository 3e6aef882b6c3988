//! A URL taken apart, and where it is really dialled.

use url::Url;

use super::failure::shown;
use super::network::SetupError;

/// One URL.
pub(super) struct Target {
    pub(super) url: Url,
    /// The name in the URL: what TLS verifies.
    pub(super) host: String,
    pub(super) tls: bool,
    /// What is dialled: the URL's, unless redirected.
    pub(super) dial_host: String,
    pub(super) dial_port: u16,
}

impl Target {
    /// The target at `url`, dialled as the first fitting redirect says.
    pub(super) fn new(url: Url, redirects: &[Redirect]) -> Result<Self, SetupError> {
        let problem = |problem: &str| SetupError::Url { url: shown(&url), problem: problem.to_owned() };
        let (tls, default) = match url.scheme() {
            "ws" | "http" => (false, 80),
            "wss" | "https" => (true, 443),
            _ => return Err(problem("a WebSocket target starts with ws:// or wss://")),
        };
        let host =
            url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| problem("it names no host"))?.to_owned();
        let port = url.port().unwrap_or(default);
        let (dial_host, dial_port) = match redirects.iter().find(|redirect| redirect.from.fits(&host, port)) {
            Some(Redirect { to, .. }) => (to.host.clone().unwrap_or(host.clone()), to.port.unwrap_or(port)),
            None => (host.clone(), port),
        };
        Ok(Self { url, host, tls, dial_host, dial_port })
    }
}

/// One `--connect-to` pair.
pub(super) struct Redirect {
    from: Place,
    to: Place,
}

impl Redirect {
    /// From `host:port` to `host:port`; what is empty on the left is any, on the right unchanged.
    pub(super) fn new((from, to): &(String, String)) -> Result<Self, SetupError> {
        Ok(Self { from: Place::new(from)?, to: Place::new(to)? })
    }
}

struct Place {
    host: Option<String>,
    port: Option<u16>,
}

impl Place {
    fn new(text: &str) -> Result<Self, SetupError> {
        let problem = |problem| SetupError::ConnectTo { pair: text.to_owned(), problem };
        let (host, port) = text.rsplit_once(':').ok_or_else(|| problem("must be HOST:PORT; either may be empty"))?;
        let port = match port {
            "" => None,
            port => Some(port.parse().map_err(|_| problem("its port is not a number from 0 to 65535"))?),
        };
        Ok(Self { host: Some(host.to_owned()).filter(|host| !host.is_empty()), port })
    }

    fn fits(&self, host: &str, port: u16) -> bool {
        self.host.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(host)) && self.port.is_none_or(|own| own == port)
    }
}

#[cfg(test)]
mod tests {
    use super::{Redirect, Target};
    use url::Url;

    fn dialled(url: &str, redirects: &[(&str, &str)]) -> String {
        let pairs = redirects.iter().map(|(from, to)| Redirect::new(&((*from).to_owned(), (*to).to_owned())).unwrap());
        let target = Target::new(Url::parse(url).unwrap(), &pairs.collect::<Vec<_>>()).unwrap();
        format!("{}:{}", target.dial_host, target.dial_port)
    }

    #[test]
    fn a_target_is_dialled_where_connect_to_says() {
        assert_eq!(dialled("ws://a.example", &[]), "a.example:80");
        assert_eq!(dialled("wss://a.example/x", &[]), "a.example:443");
        assert_eq!(dialled("wss://a.example", &[("a.example:443", "127.0.0.1:9000")]), "127.0.0.1:9000");
        assert_eq!(dialled("wss://a.example", &[("a.example:80", "127.0.0.1:9000")]), "a.example:443");
        assert_eq!(dialled("ws://a.example", &[("b.example:", "c:1"), (":", "[::1]:")]), "[::1]:80");
    }

    #[test]
    fn what_cannot_be_dialled_is_refused() {
        let refusal = |url: &str| Target::new(Url::parse(url).unwrap(), &[]).err().map(|error| error.to_string());
        let scheme = "url ftp://a.example: a WebSocket target starts with ws:// or wss://";
        assert_eq!(refusal("ftp://u:p@a.example/?token=t").as_deref(), Some(scheme));
        let pair = Redirect::new(&("a".to_owned(), ":1".to_owned())).err().map(|error| error.to_string());
        assert_eq!(pair.as_deref(), Some("connect_to \"a\": must be HOST:PORT; either may be empty"));
    }
}
