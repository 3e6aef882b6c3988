//! Lines to targets: TCP, through the proxy if there is one, and TLS where the target wants it.

use url::Url;

use super::ConnectError;
use super::dial::Dialer;
use super::failure::failure;
use super::network::{NetworkConfig, SetupError, check_headers};
use super::proxy::Proxy;
use super::source::{Lease, Sources};
use super::stages::Progress;
use super::stamped::Line;
use super::target::{Redirect, Target};
use super::tls::Tls;
use crate::observe::Word;

/// Opens lines as one configuration says.
pub(super) struct Lines {
    pub(super) dialer: Dialer,
    connect_to: Vec<Redirect>,
    /// There when some target wants it.
    pub(super) tls: Option<Tls>,
    proxy: Option<Proxy>,
}

impl Lines {
    /// The lines of `config` and the targets at `urls`.
    ///
    /// # Errors
    /// When a URL, a header or a file of the configuration cannot be used.
    pub(super) fn new(urls: Vec<Url>, config: &NetworkConfig) -> Result<(Self, Vec<Target>), SetupError> {
        check_headers(&config.headers)?;
        if urls.is_empty() {
            return Err(SetupError::NoUrl);
        }
        let connect_to = config.connect_to.iter().map(Redirect::new).collect::<Result<Vec<_>, _>>()?;
        let targets = urls.into_iter().map(|url| Target::new(url, &connect_to)).collect::<Result<Vec<_>, _>>()?;
        let dialer =
            Dialer::new(Sources::new(&config.source_ips, config.loopback_block), config.resolve_each, config.detour);
        let secure = targets.iter().any(|target| target.tls);
        let tls = if secure { Some(Tls::new(&config.tls)?) } else { None };
        let proxy = config.proxy.as_ref().map(Proxy::new).transpose()?;
        Ok((Self { dialer, connect_to, tls, proxy }, targets))
    }

    /// A target that was not known from the start: where a server redirected to.
    pub(super) fn target(&self, url: Url) -> Result<Target, SetupError> {
        Target::new(url, &self.connect_to)
    }

    /// A line of `client` to `target`, and what keeps its local address taken: stages dns, tcp and tls.
    pub(super) async fn open(
        &self,
        target: &Target,
        client: u32,
        progress: &mut Progress,
    ) -> Result<(Line, Option<Lease>), ConnectError> {
        let tls = if target.tls { Some(self.tls.as_ref().ok_or_else(|| without_tls(target))?) } else { None };
        let (host, port) = (target.dial_host.as_str(), target.dial_port);
        let (stream, lease) = match &self.proxy {
            None => self.dialer.connect(host, port, client, progress).await?,
            Some(proxy) => {
                let (mut stream, lease) = self.dialer.connect(&proxy.host, proxy.port, client, progress).await?;
                proxy.tunnel(&mut stream, host, port).await?;
                (stream, lease)
            }
        };
        progress.done();
        let Some(tls) = tls else { return Ok((Line::Plain(stream), lease)) };
        progress.enter(Word::TLS);
        let stream = tls.handshake(stream, &target.host).await?;
        progress.done();
        Ok((Line::Tls(Box::new(stream)), lease))
    }
}

fn without_tls(target: &Target) -> ConnectError {
    let remedy = "redirected to TLS, which no url of the scenario uses; give the https:// address itself";
    failure(Word::TLS, Word::HANDSHAKE, format!("{}: {remedy}", target.host))
}
