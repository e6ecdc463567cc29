//! The files of a checkpoint, as users of adapters and models know them.

use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;

use super::matrix::Matrix;
use super::{VOCABULARY, Weights};

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Its name, without a directory.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) content: Vec<u8>,
}

/// The layers, as they are called in files.
const LAYERS: [&str; 2] = ["hidden", "output"];

/// The adapter alone, in the layout of PEFT; `None` for full weights.
pub(crate) fn adapter_files(weights: &Weights, base_model: &str) -> Option<Vec<File>> {
    let lora = weights.lora()?;
    let factors = weights.matrices.chunks_exact(2).zip(LAYERS);
    let tensors = factors.flat_map(|(factors, layer)| {
        factors.iter().zip(["A", "B"]).map(move |(matrix, factor)| {
            Tensor::of(format!("base_model.model.{layer}.lora_{factor}.weight"), matrix)
        })
    });
    let layers = LAYERS.get(..if lora.train_unembed { 2 } else { 1 });
    let config = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_model,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": layers,
        "bias": "none",
        "inference_mode": true,
    });
    Some(vec![
        File {
            name: "adapter_config.json",
            content: config.to_string().into_bytes(),
        },
        File {
            name: "adapter_model.safetensors",
            content: serialize(&tensors.collect::<Vec<_>>()),
        },
    ])
}

/// The whole model, with the adapter merged in.
pub(crate) fn merged_files(weights: &Weights, base_model: &str) -> Vec<File> {
    let model = weights.model();
    let layers = [&model.hidden, &model.output].into_iter().zip(LAYERS);
    let mut tensors: Vec<Tensor> = layers
        .map(|(matrix, layer)| Tensor::of(format!("{layer}.weight"), matrix))
        .collect();
    let frozen = model.base().frozen().into_iter();
    tensors.extend(frozen.map(|(name, shape, values)| Tensor {
        name: name.to_owned(),
        shape,
        bytes: bytes(values.iter()),
    }));
    let config = json!({
        "model_type": "byte-lm",
        "base_model_name_or_path": base_model,
        "vocab_size": VOCABULARY,
        "torch_dtype": "float32",
    });
    vec![
        File {
            name: "config.json",
            content: config.to_string().into_bytes(),
        },
        File {
            name: "model.safetensors",
            content: serialize(&tensors),
        },
    ]
}

/// A tensor of 32-bit floats.
struct Tensor {
    name: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    /// A matrix, which files hold output by input.
    fn of(name: String, matrix: &Matrix) -> Self {
        let turned = matrix.transposed();
        Self {
            name,
            shape: vec![turned.rows, turned.columns],
            bytes: bytes(turned.data.iter()),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "files hold 32-bit floats")]
fn bytes<'a>(values: impl Iterator<Item = &'a f64>) -> Vec<u8> {
    values.flat_map(|value| (*value as f32).to_le_bytes()).collect()
}

fn serialize(tensors: &[Tensor]) -> Vec<u8> {
    let views = tensors.iter().filter_map(|tensor| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), &tensor.bytes);
        Some((&tensor.name, view.ok()?))
    });
    safetensors::serialize(views, None).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;
    use crate::policy::{Base, LoraConfig};

    #[test]
    fn files_hold_what_the_weights_are() {
        let lora = LoraConfig {
            rank: 8,
            alpha: 16,
            dropout: 0.0,
            seed: 1,
            train_unembed: true,
        };
        let weights = Weights::new(Base::new(2), Some(lora));
        let files = adapter_files(&weights, "sandbox/byte-lm").unwrap();
        let tensors = SafeTensors::deserialize(&files[1].content).unwrap();
        let first = tensors.tensor("base_model.model.hidden.lora_A.weight").unwrap();
        assert_eq!(first.shape(), [8, weights.matrices[0].rows]);
        // The second entry of the first row of a file is that of the second input.
        let value = f32::from_le_bytes(first.data()[4..8].try_into().unwrap());
        assert!((f64::from(value) - weights.matrices[0].row(1)[0]).abs() < 1e-6);
        let merged = &merged_files(&weights, "sandbox/byte-lm")[1];
        let names = SafeTensors::deserialize(&merged.content).unwrap();
        assert_eq!(names.len(), 6);
        assert!(adapter_files(&Weights::new(Base::new(2), None), "m").is_none());
    }
}
