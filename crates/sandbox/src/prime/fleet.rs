//! What there is to train on and with.

/// A type of GPU.
#[derive(Debug, PartialEq)]
pub(super) struct GpuType {
    pub(super) name: &'static str,
    /// USD for one GPU and one hour.
    pub(super) price: f64,
    pub(super) beta: bool,
}

/// All types; the first one is taken when none is asked for.
pub(super) const GPU_TYPES: [GpuType; 2] = [
    GpuType {
        name: "H200_141GB",
        price: 3.0,
        beta: false,
    },
    GpuType {
        name: "B200_180GB",
        price: 4.5,
        beta: true,
    },
];

/// The models that there are. They are all played by the same small one, each with base weights of its own.
pub(super) const MODELS: [&str; 8] = [
    "Qwen/Qwen3-0.6B",
    "Qwen/Qwen3-1.7B",
    "Qwen/Qwen3-4B-Instruct-2507",
    "Qwen/Qwen3-8B",
    "Qwen/Qwen3-30B-A3B-Instruct-2507",
    "PrimeIntellect/Qwen3-0.6B-Reverse-Text-SFT",
    "meta-llama/Llama-3.2-1B-Instruct",
    "meta-llama/Llama-3.1-8B-Instruct",
];

/// The dataset that lies on every volume.
pub(super) const DATASET: &str = "datasets/sandbox-text";
/// Both of the names that a config may give it.
pub(super) const DATASETS: [&str; 2] = [DATASET, "/volume/datasets/sandbox-text"];

/// The type of this name, or the one that is taken without a name.
pub(super) fn gpu_type(name: Option<&str>) -> Option<&'static GpuType> {
    GPU_TYPES
        .iter()
        .find(|gpu| name.is_none_or(|name| name == gpu.name))
}
