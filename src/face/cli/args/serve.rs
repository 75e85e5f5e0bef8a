//! The grammar of `nba serve`, and how it changes what the configuration says.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::config::ServeParams;

#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Native API: POST /v1/similar, /v1/recommend, /v1/search, /v1/ticket, /v1/feedback, /v1/embed, /v1/mask,\n/v1/reload, GET /v1/status; its contract is GET /openapi.json. For machines: GET /healthz, /readyz, /metrics. For\nclients of Databricks: the API of Vector Search, see docs/databricks.md. For agents: /mcp.\n\nA file of tokens has a name, a scope (read or write, which includes read) and a secret a line, the secret as it is (the\nfile is then for its owner's eyes alone) or as sha256:HEX; `#` begins a comment. To make one:\n  token=$(openssl rand -hex 32)\n  sum=$(printf %s \"$token\" | sha256sum | cut -c1-64)\n  echo \"agents read sha256:$sum\" >> tokens\n\nCtrl-C or SIGTERM ends it, after what is being answered and 10 seconds at most; a second one ends it at once. SIGHUP\nreads tokens and certificate again and opens the logs anew. Limits stand under [serve] of nba.toml.\n\nExamples:\n  nba serve\n  nba serve --listen 127.0.0.1:0 --json\n  nba serve --tokens tokens --tls-cert cert.pem --tls-key key.pem\n  nba serve --listen 0.0.0.0:8443 --tokens tokens --access-log access.log\n  curl -H \"Authorization: Bearer $token\" https://nba.example:8443/v1/status"
)]
pub(in crate::face::cli) struct ServeArgs {
    /// Where to listen; port 0 takes any free one. An address that other machines reach needs --tokens
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub(in crate::face::cli) listen: SocketAddr,
    /// Who may ask: name, scope and secret a line; without it everybody on this machine
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// Speak TLS, with this chain of certificates (PEM)
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate (PEM)
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Add a line of JSON for each request, without a word of the client's; `-` is standard error
    #[arg(long, value_name = "FILE")]
    access_log: Option<PathBuf>,
    /// Add a line of JSON for each question, masked, with the keys that were found
    #[arg(long, value_name = "FILE")]
    query_log: Option<PathBuf>,
    /// Refuse what Databricks Vector Search itself refuses and this server would take: the other dialect of filters, names
    /// of models that nothing here has
    #[arg(long)]
    pub(in crate::face::cli) strict: bool,
    /// Load the model when the first text asks for it, not at the start
    #[arg(long)]
    no_warm: bool,
}

impl ServeArgs {
    /// What the configuration says, unless a flag says otherwise.
    pub(in crate::face::cli) fn params(&self, config: &ServeParams) -> ServeParams {
        let either = |flag: &Option<PathBuf>, key: &Option<PathBuf>| flag.clone().or_else(|| key.clone());
        ServeParams {
            tokens: either(&self.tokens, &config.tokens),
            tls_cert: either(&self.tls_cert, &config.tls_cert),
            tls_key: either(&self.tls_key, &config.tls_key),
            access_log: either(&self.access_log, &config.access_log),
            query_log: either(&self.query_log, &config.query_log),
            warm: config.warm && !self.no_warm,
            ..config.clone()
        }
    }
}
