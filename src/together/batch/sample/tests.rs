use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;
use crate::together::batch::wire::ForwardBackward;

fn policy(logprobs: &[f64], advantage: f64) -> Values {
    let logprobs: Vec<Option<f64>> = logprobs.iter().copied().map(Some).collect();
    Values::Policy(Policy::new(&logprobs, &Advantage::Whole(advantage), None))
}

fn sample(prompt: &[i64], completion: &[i64], values: Values) -> Sample {
    Sample::new(String::new(), prompt, completion, values)
}

fn body(samples: &[Sample], loss: &str) -> String {
    let loss = RawValue::from_string(loss.to_owned()).unwrap();
    serde_json::to_string(&ForwardBackward::new(samples, &loss)).unwrap()
}

#[test]
fn the_worked_policy_step_is_written_byte_for_byte() {
    let samples = [
        sample(&[101, 17, 42], &[7, 9], policy(&[-0.105, -0.916], 0.5)),
        sample(&[101, 17, 42], &[7, 8], policy(&[-0.105, -1.204], -0.5)),
    ];
    let loss = r#"{"type":"LOSS_TYPE_GRPO","grpo_params":{"clip_low_threshold":0.8,"clip_high_threshold":1.2,"beta":0.0,"agg_type":"GRPO_LOSS_AGGREGATION_TYPE_FIXED_HORIZON","ratio_type":"GRPO_LOSS_RATIO_TYPE_TOKEN"}}"#;
    let expected = r#"{"samples":[
      {"model_input":{"chunks":[{"encoded_text":{"tokens":[101,17,42,7]}}]},
       "loss_fn_inputs":{
         "target_tokens":{"data":[17,42,7,9],"dtype":"int64"},
         "logprobs":{"data":[0,0,-0.105,-0.916],"dtype":"float32"},
         "advantages":{"data":[0,0,0.5,0.5],"dtype":"float32"},
         "mask":{"data":[0,0,1,1],"dtype":"int64"}}},
      {"model_input":{"chunks":[{"encoded_text":{"tokens":[101,17,42,7]}}]},
       "loss_fn_inputs":{
         "target_tokens":{"data":[17,42,7,8],"dtype":"int64"},
         "logprobs":{"data":[0,0,-0.105,-1.204],"dtype":"float32"},
         "advantages":{"data":[0,0,-0.5,-0.5],"dtype":"float32"},
         "mask":{"data":[0,0,1,1],"dtype":"int64"}}}],
     "loss":LOSS}"#;
    let expected = expected
        .replace([' ', '\n'], "")
        .replace("LOSS}", &format!("{loss}}}"));
    assert_eq!(body(&samples, loss), expected);
}

#[test]
fn the_worked_supervised_step_is_written_byte_for_byte() {
    let samples = [sample(&[101, 17, 42], &[7, 9], Values::Weights(vec![1.0; 2]))];
    let expected = r#"{"samples":[{"model_input":{"chunks":[{"encoded_text":{"tokens":[101,17,42,7]}}]},"loss_fn_inputs":{"target_tokens":{"data":[17,42,7,9],"dtype":"int64"},"weights":{"data":[0,0,1,1],"dtype":"float32"}}}],"loss":{"type":"LOSS_TYPE_CROSS_ENTROPY"}}"#;
    assert_eq!(body(&samples, r#"{"type":"LOSS_TYPE_CROSS_ENTROPY"}"#), expected);
}

#[test]
fn an_unusable_token_counts_for_nothing() {
    let advantage = Advantage::Each(vec![1.0, 2.0, 3.0]);
    let logprobs = [Some(-1.5), None, Some(1e-6)];
    let policy = Policy::new(&logprobs, &advantage, Some(&[Some(-2.0), Some(-2.0), None]));
    let expected = Policy {
        logprobs: vec![-1.5, 0.0, 0.0],
        advantages: vec![1.0, 0.0, 0.0],
        reference_logprobs: Some(vec![-2.0, 0.0, 0.0]),
        mask: vec![1.0, 0.0, 0.0],
    };
    assert_eq!(policy, expected);
    assert_eq!(policy.unusable(), 2);
    let policy = Policy::new(&logprobs, &advantage, None);
    assert_eq!(
        (policy.mask, policy.logprobs),
        (vec![1.0, 0.0, 1.0], vec![-1.5, 0.0, 0.0])
    );
    assert_eq!(objection(Some(1e-6)), None);
    assert!(objection(Some(0.01)).is_some());
}

#[test]
fn what_stands_for_minus_infinity_counts_like_null() {
    let advantage = Advantage::Whole(1.0);
    let logprobs = [
        Some(-9999.0),
        Some(-1000.0),
        Some(-1e39),
        Some(f64::MIN),
        Some(-0.5),
    ];
    let policy = Policy::new(&logprobs, &advantage, None);
    assert_eq!(policy.mask, [0.0, 1.0, 0.0, 0.0, 1.0]);
    assert_eq!(policy.logprobs, [0.0, -1000.0, 0.0, 0.0, -0.5]);
    assert_eq!(policy.unusable(), 3);
    let references = [Some(-0.5), Some(-9999.0), Some(-0.5), None, Some(-2.0)];
    let policy = Policy::new(&logprobs, &advantage, Some(&references));
    assert_eq!(policy.mask, [0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(policy.reference_logprobs, Some(vec![0.0, 0.0, 0.0, 0.0, -2.0]));
}

#[test]
fn a_long_sample_is_named_and_none_is_cut() {
    let of = |length: usize| sample(&[1], &vec![2; length], Values::Weights(vec![1.0; length]));
    let samples = [of(3), of(5), of(2)];
    assert_eq!(split(&samples, Some(4)), Err(1));
    assert_eq!(split(&samples, Some(5)).unwrap(), [0..1, 1..2, 2..3]);
    // 8 and 2 would do as well, but these are more alike.
    assert_eq!(split(&samples, Some(8)).unwrap(), [0..1, 1..3]);
    assert_eq!(split(&samples, None).unwrap(), vec![Range { start: 0, end: 3 }]);
    assert!(split(&[], Some(1)).unwrap().is_empty());
}

/// A token of a completion, its log-probability, advantage and reference.
type Described = (i64, f64, f64, f64);

fn sequences() -> impl Strategy<Value = (Vec<i64>, Vec<Described>)> {
    let token = 0..200_000_i64;
    let value = (token.clone(), -30.0..0.0, -5.0..5.0, -30.0..0.0);
    (
        prop::collection::vec(token, 1..20),
        prop::collection::vec(value, 1..20),
    )
}

proptest! {
    #[test]
    fn slot_i_of_every_tensor_belongs_to_the_token_after_it((prompt, values) in sequences()) {
        let completion: Vec<i64> = values.iter().map(|value| value.0).collect();
        let logprobs: Vec<Option<f64>> = values.iter().map(|value| Some(value.1)).collect();
        let references: Vec<Option<f64>> = values.iter().map(|value| Some(value.3)).collect();
        let advantage = Advantage::Each(values.iter().map(|value| value.2).collect());
        let policy = Policy::new(&logprobs, &advantage, Some(&references));
        let samples = [sample(&prompt, &completion, Values::Policy(policy))];
        let body: Value = serde_json::from_str(&body(&samples, r#"{"type":"LOSS_TYPE_GRPO"}"#)).unwrap();
        let written = &body["samples"][0];
        let full = [prompt.clone(), completion].concat();
        let length = full.len() - 1;
        prop_assert_eq!(&written["model_input"]["chunks"][0]["encoded_text"]["tokens"], &json!(full[..length]));
        let data = |name: &str| {
            let data = written["loss_fn_inputs"][name]["data"].as_array().unwrap();
            assert_eq!(data.len(), length, "{name}");
            data.iter().map(|value| value.as_f64().unwrap()).collect::<Vec<f64>>()
        };
        prop_assert_eq!(data("target_tokens").len(), length);
        let mask = data("mask");
        let tensors = [data("logprobs"), data("advantages"), data("reference_logprobs")];
        for slot in 0..length {
            prop_assert_eq!(&written["loss_fn_inputs"]["target_tokens"]["data"][slot], full[slot + 1]);
            let expected = match slot.checked_sub(prompt.len() - 1) {
                Some(of_completion) => {
                    let (_, logprob, advantage, reference) = values[of_completion];
                    (1.0, [logprob, advantage, reference])
                }
                None => (0.0, [0.0; 3]),
            };
            prop_assert_eq!((mask[slot], tensors.clone().map(|tensor| tensor[slot])), expected);
        }
        prop_assert_eq!(mask.iter().filter(|value| **value > 0.0).count(), values.len());
        prop_assert_eq!(samples[0].trained(), values.len());
    }

    #[test]
    fn splitting_keeps_order_and_limit(lengths in prop::collection::vec(1_usize..50, 0..40), most in 50_usize..120) {
        let of = |length: &usize| sample(&[1], &vec![2; *length], Values::Weights(vec![1.0; *length]));
        let samples: Vec<Sample> = lengths.iter().map(of).collect();
        let runs = split(&samples, Some(most)).unwrap();
        let all: Vec<usize> = runs.iter().cloned().flatten().collect();
        prop_assert_eq!(all, (0..samples.len()).collect::<Vec<_>>());
        let tokens = |run: &Range<usize>| samples[run.clone()].iter().map(|sample| sample.input().len()).sum::<usize>();
        let largest = runs.iter().map(tokens).max().unwrap_or(0);
        prop_assert!(largest <= most);
        let in_runs_of = |most: usize| super::runs(&samples, most).len();
        prop_assert_eq!(runs.len(), in_runs_of(most), "no more than needed");
        let longest = lengths.iter().max().copied().unwrap_or(0);
        prop_assert!(largest <= longest || in_runs_of(largest - 1) > runs.len(), "none larger than needed");
    }
}
