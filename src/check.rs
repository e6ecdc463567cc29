//! `rl-mcp check`: what is configured, and whether it works.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::api::{Api, Call, Request};
use crate::config::{
    Account, Config, DATA_DIR, DATA_MAX_DAYS, DATA_MAX_MB, MAX_PRICE, MAX_WAIT, key_variables,
};
use crate::data::Data;
use crate::error::ToolError;
use crate::journal;
use crate::offer::Offer;
use crate::problems::list;
use crate::spec::{LIST_RUNS, LIST_TRAINING_SESSIONS, Service, Spec};
use crate::tools::ALL;

/// How long a person waits for the answer of one service.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writes the report to `out`. The answer says whether everything that is configured works.
pub async fn check(api: &Arc<Api>, offer: &Offer, out: &mut impl Write) -> io::Result<bool> {
    writeln!(out, "rl-mcp {}\n", env!("CARGO_PKG_VERSION"))?;
    let mut works = true;
    for service in [Service::Together, Service::Prime] {
        works &= check_service(api, service, out).await?;
    }
    write_run_settings(api.config(), out)?;
    write_tools(offer, out)?;
    for service in [Service::Together, Service::Prime] {
        if any_key(api) && offer.has(service) && api.config().account(service).key.is_none() {
            let name = service.name();
            writeln!(
                out,
                "\nThere is no key for {name}: its tools are offered, but a call only says which variable is missing."
            )?;
        }
    }
    if !any_key(api) {
        writeln!(
            out,
            "\nNo key is configured. The server starts all the same and lists its tools; a call says which variable is missing.\nNext: {}put {} or {} into the environment, or under \"env\" in the host's mcp.json, and run this again.",
            if api.config().prime.broken_file.is_some() {
                "mend the file that was left out, or "
            } else {
                ""
            },
            key_variables(Service::Together).join(" or "),
            key_variables(Service::Prime).join(" or "),
        )?;
    }
    Ok(works)
}

/// What calls fall back on, without the values of secrets.
fn write_run_settings(config: &Config, out: &mut impl Write) -> io::Result<()> {
    let team = config
        .prime_team
        .as_deref()
        .unwrap_or("none: the personal account");
    writeln!(out, "Prime Intellect team: {team}")?;
    let secrets = list(config.run_secrets.iter().map(|secret| secret.variable));
    let secrets = if secrets.is_empty() { "none" } else { &secrets };
    writeln!(out, "Secrets that forward_secrets can send: {secrets}")?;
    let directories = config.files.directories();
    if directories.is_empty() {
        writeln!(out, "Further directories of files: none (RL_MCP_FILE_DIRS)")?;
    }
    for directory in directories {
        let missing = if directory.is_dir() { "" } else { " (missing)" };
        writeln!(
            out,
            "Further directory of files: {}{missing}",
            directory.display()
        )?;
    }
    write_data_directory(config.data.as_deref(), out)?;
    let price = config
        .max_price_per_hour
        .map_or_else(|| "no limit".to_owned(), |price| format!("{price} USD per hour"));
    writeln!(out, "Highest price of a model resource: {price} ({MAX_PRICE})")?;
    let wait = config.max_wait.as_secs_f64();
    writeln!(out, "Longest wait of a call: {wait} s ({MAX_WAIT})\n")
}

/// Where large results and the journal go.
fn write_data_directory(data: Option<&Data>, out: &mut impl Write) -> io::Result<()> {
    let Some(data) = data else {
        return writeln!(
            out,
            "Data directory: none ({DATA_DIR}), so large results and the journal are not kept"
        );
    };
    writeln!(out, "Data directory: {}", data.root().display())?;
    let (usage, limits) = (data.usage(), data.limits());
    let files = if usage.files == 1 { "file" } else { "files" };
    writeln!(
        out,
        "  holds     {} {files}, {} MB of at most {} MB ({DATA_MAX_MB}), for {} days ({DATA_MAX_DAYS})",
        usage.files,
        usage.bytes.div_ceil(1 << 20),
        limits.most_bytes >> 20,
        limits.longest.as_secs() / 86_400,
    )?;
    match data.probe() {
        Ok(()) => writeln!(out, "  writable  yes")?,
        Err(error) => writeln!(
            out,
            "  writable  NO: {error}. Large results and the journal are not kept; {DATA_DIR} names another"
        )?,
    }
    if let Err(error) = journal::probe(data.root()) {
        writeln!(
            out,
            "  journal   NO: {error}. What is done is not recorded; move it out of the way"
        )?;
    }
    match data.exposed() {
        None => Ok(()),
        Some(who) => writeln!(
            out,
            "  private   NO: {who}, and so change what the server reads; chmod go-w ends that"
        ),
    }
}

fn write_tools(offer: &Offer, out: &mut impl Write) -> io::Result<()> {
    let toolsets = list(offer.toolsets.iter().map(|toolset| toolset.name()));
    writeln!(out, "Toolsets: {toolsets} ({})", offer.reason)?;
    writeln!(out, "Tools: {} of {} offered", offer.entries.len(), ALL.len())?;
    for entry in &offer.entries {
        let kind = if entry.spec.effect.read_only() {
            "read"
        } else if entry.spec.effect.destructive() {
            "destroy"
        } else {
            "write"
        };
        writeln!(out, "  {kind:<8} {}", entry.spec.name)?;
    }
    Ok(())
}

fn any_key(api: &Arc<Api>) -> bool {
    let config = api.config();
    config.together.key.is_some() || config.prime.key.is_some()
}

async fn check_service(api: &Arc<Api>, service: Service, out: &mut impl Write) -> io::Result<bool> {
    let account = api.config().account(service);
    writeln!(out, "{}", service.name())?;
    writeln!(out, "  key       {}", key(account, service))?;
    writeln!(out, "  base URL  {}", base_url(account))?;
    let usable = account.broken_file.is_none();
    if let Some(file) = &account.broken_file {
        writeln!(out, "  file      LEFT OUT: {file}")?;
    }
    out.flush()?;
    if account.key.is_none() {
        writeln!(out, "  test      skipped, as there is no key\n")?;
        return Ok(usable);
    }
    let started = Instant::now();
    let result = read_something(api, service).await;
    let elapsed = started.elapsed().as_millis();
    match &result {
        Ok(()) => writeln!(out, "  test      ok, the service answered in {elapsed} ms\n")?,
        Err(error) => {
            let text = api.redactor().scrub_owned(error.to_string());
            let mut lines = text.lines();
            writeln!(out, "  test      FAILED: {}", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(out, "            {line}")?;
            }
            writeln!(out)?;
        }
    }
    Ok(result.is_ok() && usable)
}

fn key(account: &Account, service: Service) -> String {
    account.key.as_ref().map_or_else(
        || format!("none ({})", key_variables(service).join(" or ")),
        |key| format!("from {}", key.from),
    )
}

fn base_url(account: &Account) -> String {
    let from = account
        .base_url_from
        .as_ref()
        .map_or_else(|| "default".to_owned(), |from| format!("from {from}"));
    format!("{} ({from})", account.base_url.as_str().trim_end_matches('/'))
}

/// The cheapest call that needs a valid key and changes nothing.
async fn read_something(api: &Arc<Api>, service: Service) -> Result<(), ToolError> {
    let spec: &'static Spec = match service {
        Service::Together => &LIST_TRAINING_SESSIONS,
        Service::Prime => &LIST_RUNS,
    };
    let call = Call::new(api, spec).hurried(PATIENCE);
    Request::new(&call, spec)
        .query("limit", Some(1))
        .send()
        .await
        .map(drop)
}
