//! The environment variables that the server reads.

/// An environment variable that the server reads.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it means, with unit and default: one line of `--help` and of the README.
    pub meaning: &'static str,
}

pub(super) const INLINE_LIMIT: &str = "RL_MCP_INLINE_LIMIT";
pub(super) const MAX_CONCURRENCY: &str = "RL_MCP_MAX_CONCURRENCY";
pub(super) const CALL_TIMEOUT: &str = "RL_MCP_CALL_TIMEOUT";
pub(super) const RETRY_WAIT: &str = "RL_MCP_RETRY_WAIT";
pub(super) const PRIME_TEAM_ID: &str = "PRIME_TEAM_ID";
pub(super) const PRIME_CONTEXT: &str = "PRIME_CONTEXT";
/// The secrets of a run, each with the member of the body that carries it.
pub(crate) const RUN_SECRETS: [(&str, &str); 2] = [("WANDB_API_KEY", "wandbApiKey"), (HF_TOKEN, "hfToken")];
/// The hub that tokenizers are downloaded from.
pub(crate) const HF_ENDPOINT: &str = "HF_ENDPOINT";
pub(super) const HF_TOKEN: &str = "HF_TOKEN";
pub(super) const HF_HOME: &str = "HF_HOME";
pub(super) const HF_HUB_CACHE: &str = "HF_HUB_CACHE";
/// Whether nothing is downloaded from it.
pub(crate) const HF_HUB_OFFLINE: &str = "HF_HUB_OFFLINE";
/// Where results and the journal are kept.
pub(crate) const DATA_DIR: &str = "RL_MCP_DATA_DIR";
/// How many MB of results.
pub(crate) const DATA_MAX_MB: &str = "RL_MCP_DATA_MAX_MB";
/// For how long.
pub(crate) const DATA_MAX_DAYS: &str = "RL_MCP_DATA_MAX_DAYS";
/// The most that a call may be asked to wait.
pub(crate) const MAX_WAIT: &str = "RL_MCP_MAX_WAIT_SECONDS";
/// The most that a model resource may cost.
pub(crate) const MAX_PRICE: &str = "RL_MCP_MAX_PRICE_PER_HOUR";
/// Further directories of files.
pub(crate) const FILE_DIRS: &str = "RL_MCP_FILE_DIRS";
/// The commands that may grade.
#[cfg(feature = "text")]
pub(crate) const GRADERS: &str = "RL_MCP_GRADERS";
pub(super) const TOOLSETS: &str = "RL_MCP_TOOLSETS";
/// What who calls over HTTP has to know.
#[cfg(feature = "http")]
pub(crate) const HTTP_TOKEN: &str = "RL_MCP_HTTP_TOKEN";
/// The log filter, read by `logging.rs`.
pub(crate) const LOG: &str = "RL_MCP_LOG";

/// All variables, in the order in which `--help` and the README show them.
pub const VARIABLES: &[Variable] = &[
    Variable {
        name: "TOGETHER_AI_API_KEY",
        meaning: "Together AI key; wins over TOGETHER_API_KEY",
    },
    Variable {
        name: "TOGETHER_API_KEY",
        meaning: "Together AI key, the official name",
    },
    Variable {
        name: "PRIME_API_KEY",
        meaning: "Prime Intellect key; when unset, that of ~/.prime/config.json",
    },
    Variable {
        name: "TOGETHER_BASE_URL",
        meaning: "default https://api.together.ai",
    },
    Variable {
        name: "PRIME_API_BASE_URL",
        meaning: "default https://api.primeintellect.ai; wins over PRIME_BASE_URL",
    },
    Variable {
        name: "PRIME_BASE_URL",
        meaning: "the same, second name; when both are unset, that of ~/.prime/config.json",
    },
    Variable {
        name: PRIME_TEAM_ID,
        meaning: "Prime Intellect team where a call names none; when unset, that of ~/.prime/config.json",
    },
    Variable {
        name: PRIME_CONTEXT,
        meaning: "a saved set of Prime Intellect's command line, ~/.prime/environments/NAME.json, in place of config.json",
    },
    Variable {
        name: "WANDB_API_KEY, HF_TOKEN",
        meaning: "secrets of a run, sent only when a call asks for it with forward_secrets; HF_TOKEN also goes to HF_ENDPOINT, which asks for it before it gives out the tokenizer of a gated model",
    },
    Variable {
        name: HF_ENDPOINT,
        meaning: "where tokenizers are downloaded from; default https://huggingface.co",
    },
    Variable {
        name: "HF_HUB_CACHE, HF_HOME",
        meaning: "Hugging Face's cache (HF_HOME: its hub folder), which is read and never written; default ~/.cache/huggingface/hub",
    },
    Variable {
        name: HF_HUB_OFFLINE,
        meaning: "1: no tokenizer is downloaded",
    },
    Variable {
        name: DATA_DIR,
        meaning: "where large results, batches and the journal of calls are kept, absolute; default: rl-mcp in the platform's data directory",
    },
    Variable {
        name: DATA_MAX_MB,
        meaning: "how many MB of results and batches are kept there, the oldest go first; default 4096",
    },
    Variable {
        name: DATA_MAX_DAYS,
        meaning: "for how many days they are kept; default 30",
    },
    Variable {
        name: FILE_DIRS,
        meaning: "further directories whose files tools may read, and write downloads to, absolute, separated as in PATH; default none",
    },
    #[cfg(feature = "text")]
    Variable {
        name: GRADERS,
        meaning: "a JSON file, outside of what tools can write, of commands that may grade: a name and its program with arguments each",
    },
    Variable {
        name: MAX_PRICE,
        meaning: "USD per hour above which create-model-resource refuses; default no limit",
    },
    Variable {
        name: MAX_WAIT,
        meaning: "the most that a call waits, whatever wait_seconds says; 0: no call waits; default 50, because hosts give up after 60",
    },
    Variable {
        name: TOOLSETS,
        meaning: "groups of tools to offer, such as rl,runs or all; --toolsets wins; default rl,runs, or what there is a key for",
    },
    Variable {
        name: INLINE_LIMIT,
        meaning: "bytes of JSON above which a request body is uploaded first; default 524288",
    },
    Variable {
        name: MAX_CONCURRENCY,
        meaning: "requests under way to each service at once; default 16; what stops or deletes has as many places of its own",
    },
    Variable {
        name: CALL_TIMEOUT,
        meaning: "seconds that one tool call may take, retries included; default 50, because hosts give up after 60",
    },
    Variable {
        name: RETRY_WAIT,
        meaning: "seconds before the first retry, doubled for each further one up to ten times this; default 1",
    },
    #[cfg(feature = "http")]
    Variable {
        name: HTTP_TOKEN,
        meaning: "the bearer token that each request to `rl-mcp serve` has to carry; without one it listens on loopback only",
    },
    Variable {
        name: LOG,
        meaning: "log filter for stderr, such as info or rl_mcp=debug; default warn",
    },
    Variable {
        name: "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        meaning: "proxies, as usual; never used for loopback base URLs",
    },
    Variable {
        name: "SSL_CERT_FILE, SSL_CERT_DIR",
        meaning: "certificates to trust in place of the system's, on Linux",
    },
];
