//! `rl-mcp check`: what is configured, and whether it works.

#[cfg(feature = "text")]
mod text;

use std::fs;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;

#[cfg(feature = "text")]
use crate::config::GRADERS;
use crate::config::{Account, Config, DATA_DIR, DATA_MAX_DAYS, DATA_MAX_MB, FILE_DIRS, MAX_PRICE, MAX_WAIT};
use crate::context::{Call, Context, Request};
use crate::error::ToolError;
use crate::error::problems::list;
use crate::files::data::Data;
#[cfg(feature = "text")]
use crate::grade::Commands;
use crate::journal;
use crate::mcp::offer::Offer;
use crate::mcp::tool::Entry;
use crate::spec::{Effect, LIST_RUNS, LIST_TRAINING_SESSIONS, Service, Spec};
use crate::tools::ALL;

/// How long a person waits for the answer of one service.
const PATIENCE: Duration = Duration::from_secs(10);
const SERVICES: [Service; 2] = [Service::Together, Service::Prime];

/// Writes the report to `out`, the verdict last. The answer says whether everything that is configured works.
pub(crate) async fn check(context: &Arc<Context>, offer: &Offer, out: &mut impl Write) -> io::Result<bool> {
    writeln!(out, "rl-mcp {}\n", env!("CARGO_PKG_VERSION"))?;
    let mut broken = Vec::new();
    // Both are asked at once, so that nobody waits for two that hang one after the other.
    let mut tests: FuturesOrdered<_> = SERVICES
        .map(|service| test(context, service))
        .into_iter()
        .collect();
    #[cfg(feature = "text")]
    let tokenizers = tokio::spawn({
        let context = Arc::clone(context);
        async move { text::look(&context).await }
    });
    for service in SERVICES {
        let account = context.config().account(service);
        write_account(account, service, out)?;
        let tested = tests.next().await.flatten();
        if !write_test(context, tested, out)? || account.broken_file.is_some() {
            broken.push(service.name().to_owned());
        }
    }
    write_run_settings(context.config(), &mut broken, out)?;
    #[cfg(feature = "text")]
    if let Ok(tokenizers) = tokenizers.await {
        tokenizers.write(context, out)?;
    }
    #[cfg(feature = "text")]
    text::write_runs(context.config(), out)?;
    writeln!(out)?;
    write_tools(offer, out)?;
    write_verdict(context, offer, &broken, out)?;
    Ok(broken.is_empty())
}

/// The last lines, which are what a terminal still shows.
fn write_verdict(
    context: &Arc<Context>,
    offer: &Offer,
    broken: &[String],
    out: &mut impl Write,
) -> io::Result<()> {
    let any_key = SERVICES.iter().any(|service| has_key(context, *service));
    for service in SERVICES {
        if any_key && offer.has(service) && !has_key(context, service) {
            writeln!(
                out,
                "\nThere is no key for {}: its tools are offered, but a call only says which variable is missing.",
                service.name()
            )?;
        }
    }
    if !any_key {
        writeln!(
            out,
            "\nNo key is configured. The server starts all the same and lists its tools; a call says which variable is missing.\nNext: {}put {} or {} into the environment, or under \"env\" in the host's mcp.json, and run this again.",
            if context.config().prime.broken_file.is_some() {
                "fix the file that was left out, or "
            } else {
                ""
            },
            Service::Together.key_variables().join(" or "),
            Service::Prime.key_variables().join(" or "),
        )?;
    }
    match (broken, any_key) {
        ([], true) => writeln!(out, "\nVerdict: everything that is configured works."),
        ([], false) => writeln!(out, "\nVerdict: nothing is wrong, but a key is needed."),
        (broken, _) => writeln!(
            out,
            "\nVerdict: NOT everything works. See above: {}.",
            list(broken.iter().map(String::as_str))
        ),
    }
}

/// The commands that may grade, if the user lists any.
#[cfg(feature = "text")]
fn write_graders(config: &Config, broken: &mut Vec<String>, out: &mut impl Write) -> io::Result<()> {
    let Some(file) = &config.graders else {
        return Ok(());
    };
    match Commands::of(config, config.call_timeout).names() {
        Ok(names) => writeln!(
            out,
            "Commands that may grade: {}",
            list(names.iter().map(String::as_str))
        ),
        Err(problem) => {
            let file = file.display();
            broken.push(format!("the file {file}"));
            writeln!(out, "Commands that may grade: {file}  NO: {problem} ({GRADERS})")
        }
    }
}

/// What calls fall back on, without the values of secrets.
fn write_run_settings(config: &Config, broken: &mut Vec<String>, out: &mut impl Write) -> io::Result<()> {
    let team = config
        .prime_team
        .as_deref()
        .unwrap_or("none: the personal account");
    writeln!(out, "Prime Intellect team: {team}")?;
    let secrets = list(config.run_secrets.iter().map(|secret| secret.variable));
    let secrets = match (secrets.as_str(), config.sandbox) {
        ("", _) => "none",
        (secrets, false) => secrets,
        (secrets, true) => &format!("{secrets} (stand-ins, as this is a sandbox)"),
    };
    writeln!(out, "Secrets that forward_secrets can send: {secrets}")?;
    let directories = config.files.directories();
    if directories.is_empty() {
        writeln!(out, "Further directories of files: none ({FILE_DIRS})")?;
    }
    for directory in directories {
        let shown = directory.display();
        match fs::read_dir(directory) {
            Ok(_) => writeln!(out, "Further directory of files: {shown}")?,
            Err(error) => {
                writeln!(
                    out,
                    "Further directory of files: {shown}  NO: {error} ({FILE_DIRS})"
                )?;
                broken.push(format!("the directory {shown}"));
            }
        }
    }
    write_data_directory(config.data.as_deref(), broken, out)?;
    #[cfg(feature = "text")]
    write_graders(config, broken, out)?;
    let price = config
        .max_price_per_hour
        .map_or_else(|| "no limit".to_owned(), |price| format!("{price} USD per hour"));
    writeln!(out, "Highest price of a model resource: {price} ({MAX_PRICE})")?;
    let wait = config.max_wait.as_secs_f64();
    writeln!(out, "Longest wait of a call: {wait} s ({MAX_WAIT})")
}

/// Where large results and the journal go.
fn write_data_directory(
    data: Option<&Data>,
    broken: &mut Vec<String>,
    out: &mut impl Write,
) -> io::Result<()> {
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
        Err(error) => {
            writeln!(
                out,
                "  writable  NO: {error}. Large results and the journal are not kept; {DATA_DIR} names another"
            )?;
            broken.push("the data directory".to_owned());
        }
    }
    if let Err(error) = journal::probe(data.root()) {
        writeln!(
            out,
            "  journal   NO: {error}. What is done is not recorded; move it out of the way"
        )?;
        broken.push("the journal".to_owned());
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
    // One line for each toolset: a host lists the names, and here they would push the rest off the screen.
    for toolset in &offer.toolsets {
        #[cfg(not(feature = "text"))]
        if *toolset == crate::spec::Toolset::Train {
            continue;
        }
        let of = |entry: &&&Entry| entry.spec.toolset == Some(*toolset);
        let offered: Vec<Effect> = offer
            .entries
            .iter()
            .filter(of)
            .map(|entry| entry.spec.effect)
            .collect();
        let read = offered.iter().filter(|effect| effect.read_only()).count();
        let destroy = offered.iter().filter(|effect| effect.destructive()).count();
        let kinds = [
            (read, "read"),
            (offered.len() - read - destroy, "write"),
            (destroy, "destroy"),
        ];
        let kinds: Vec<String> = kinds
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, kind)| format!("{count} {kind}"))
            .collect();
        writeln!(
            out,
            "  {:<8} {} of {}: {}",
            toolset.name(),
            offered.len(),
            ALL.iter().filter(|entry| of(&entry)).count(),
            kinds.join(", ")
        )?;
    }
    Ok(())
}

fn has_key(context: &Arc<Context>, service: Service) -> bool {
    context.config().account(service).key.is_some()
}

fn write_account(account: &Account, service: Service, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", service.name())?;
    writeln!(out, "  key       {}", key(account, service))?;
    writeln!(out, "  base URL  {}", base_url(account))?;
    if let Some(file) = &account.broken_file {
        writeln!(out, "  file      LEFT OUT: {file}")?;
    }
    out.flush()
}

/// What came of a test, and how long it took.
type Tested = (Result<(), ToolError>, Duration);

/// Tests a service; `None` without a key.
async fn test(context: &Arc<Context>, service: Service) -> Option<Tested> {
    if !has_key(context, service) {
        return None;
    }
    let started = Instant::now();
    let result = read_something(context, service).await;
    Some((result, started.elapsed()))
}

/// Says what came of a test, and returns whether that is well.
fn write_test(context: &Arc<Context>, tested: Option<Tested>, out: &mut impl Write) -> io::Result<bool> {
    let Some((result, elapsed)) = tested else {
        writeln!(out, "  test      skipped, because there is no key\n")?;
        return Ok(true);
    };
    let elapsed = elapsed.as_millis();
    match &result {
        Ok(()) => writeln!(out, "  test      ok, the service answered in {elapsed} ms\n")?,
        Err(error) => {
            let text = context.redactor().scrub_owned(error.to_string());
            let mut lines = text.lines();
            writeln!(out, "  test      FAILED: {}", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(out, "            {line}")?;
            }
            writeln!(out)?;
        }
    }
    Ok(result.is_ok())
}

fn key(account: &Account, service: Service) -> String {
    account.key.as_ref().map_or_else(
        || format!("none ({})", service.key_variables().join(" or ")),
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
async fn read_something(context: &Arc<Context>, service: Service) -> Result<(), ToolError> {
    let spec: &'static Spec = match service {
        Service::Together => &LIST_TRAINING_SESSIONS,
        Service::Prime => &LIST_RUNS,
    };
    let call = Call::new(context, spec).hurried(PATIENCE);
    Request::new(&call, spec)
        .query("limit", Some(1))
        .send()
        .await
        .map(drop)
}
