//! Configs of runs that were written for something else, and GPUs in the wrong place.

use serde_json::{Value, json};

use super::{all_begin, begins};
use crate::support::{Place, status};

#[tokio::test]
async fn a_flat_config_is_read_as_one_kind_of_run() {
    let mut place = Place::new().await;
    let common = json!({"model": {"name": "Qwen/Qwen3-0.6B"}, "dataset": "gsm8k", "learning_rate": 1e-5, "batch_size": 64, "max_steps": 10});
    let with = |name: &str, value: Value| {
        let mut flat = common.clone();
        flat[name] = value;
        flat
    };
    let rl = [
        "learning_rate: belongs at {}trainer.optim.lr",
        "batch_size: belongs at {}orchestrator.batch_size",
        "dataset: is not for RL, whose prompts come from environments: {}orchestrator.train.source",
    ];
    let supervised = [
        "learning_rate: belongs at {}optim.lr",
        "batch_size: belongs at {}data.batch_size",
        "dataset: belongs at {}data.name",
    ];
    for (flat, lines, needed, absent) in [
        (
            with("num_generations", json!(8)),
            rl,
            "body.config.trainer: is required for an RL run, of which num_generations is",
            "\"data\"",
        ),
        (
            with("num_epochs", json!(1)),
            supervised,
            "body.config.data: is required for a supervised run, of which ",
            "belongs at orchestrator",
        ),
    ] {
        for (call, at, place_of) in [
            (json!({"body": {"config": flat}}), "body.config.", ""),
            (json!({"body": flat}), "body.", "body.config."),
            (flat.clone(), "", "body.config."),
        ] {
            let found = place.problems("prime-intellect-createrun", call).await;
            for line in lines {
                let line = format!("{at}{}", line.replace("{}", place_of));
                assert!(begins(&found, &line), "{line}: {found:#?}");
            }
            assert!(begins(&found, needed), "{found:#?}");
            assert!(
                !found.iter().any(|found| found.contains(absent)),
                "{absent}: {found:#?}"
            );
        }
    }
    // Where nothing says which, both are shown.
    let call = json!({"body": {"config": {"max_steps": 10}}});
    let found = place.problems("prime-intellect-createrun", call).await;
    assert!(
        found
            .iter()
            .any(|found| found.contains("for RL: ") && found.contains("Supervised: ")),
        "{found:#?}"
    );
}

#[tokio::test]
async fn environments_of_an_older_config_are_told_their_place() {
    let mut place = Place::new().await;
    let told = |at: &str| {
        format!(
            "{at} is not where environments go today: write orchestrator.train.source: [{{\"name\": \"reverse\", \"env\": {{\"taskset\": {{\"id\": \"me/mine\"}}}}}}]"
        )
    };
    let config = |orchestrator: Value| json!({"body": {"config": {"model": {"name": "m"}, "trainer": {}, "orchestrator": orchestrator}}});
    let forms = [
        json!("me/mine"),
        json!(["me/mine"]),
        json!({"id": "me/mine"}),
        json!([{"name": "a", "env": {"taskset": {"id": "me/mine"}}}]),
    ];
    let of_train = forms
        .iter()
        .map(|form| ("train.env", json!({"train": {"env": form}})));
    let own = forms.iter().map(|form| ("env", json!({"env": form})));
    for (name, orchestrator) in of_train.chain(own) {
        let refusal =
            r#"{"detail":[{"loc":["config","orchestrator","train","source"],"msg":"Field required"}]}"#;
        place.upstream.script(vec![status(422, "", refusal)]);
        let call = config(orchestrator);
        let outcome = place.server.call("prime-intellect-createrun", call).await;
        let next = format!(
            "correct what the service names. {}",
            told(&format!("orchestrator.{name}"))
        );
        assert!(outcome.error().contains(&next), "{}", outcome.text);
    }
    // Beside a problem of its own.
    let mut call = config(json!({"train": {"env": "me/mine"}}));
    call["body"]["config"]["k8s"] = json!({});
    let found = place.problems("prime-intellect-createrun", call).await;
    all_begin(
        &found,
        &["body.config.orchestrator.train.env: is not where environments go today"],
    );
}

#[tokio::test]
async fn gpus_are_told_their_place_in_a_body() {
    let mut place = Place::new().await;
    let run = json!({"config": {}});
    let count = "is not known here: the type of GPU belongs at body.gpuType, and how many at body.config.deployment.num_train_gpus";
    for name in ["gpu", "gpu_type", "accelerator"] {
        let call = json!({"body": run, name: "H200_141GB"});
        let found = place.problems("prime-intellect-createrun", call).await;
        all_begin(&found, &[&format!("{name}: belongs at body.gpuType")]);
    }
    for name in ["gpus", "gpu_count", "num_gpus"] {
        for value in [json!(8), json!("H200")] {
            let found = place
                .problems("prime-intellect-createrun", json!({"body": run, name: value}))
                .await;
            all_begin(&found, &[&format!("{name}: {count}")]);
            let mut inside = run.clone();
            inside[name] = value;
            let found = place
                .problems("prime-intellect-createrun", json!({"body": inside}))
                .await;
            all_begin(&found, &[&format!("body.{name}: {count}")]);
        }
    }
    let call = json!({"run_id": "r", "gpu": "H200_141GB", "num_gpus": 8});
    let found = place.problems("prime-intellect-resumerun", call).await;
    all_begin(
        &found,
        &[
            "gpu: belongs inside body, where it is called gpuType here",
            "num_gpus: belongs inside body, where it stays that of the run",
        ],
    );
    let found = place
        .problems(
            "create-model-resource",
            json!({"body": {"base_model": "b"}, "gpus": "H100"}),
        )
        .await;
    assert!(
        found[0].contains("(the type is body.compute_config.gpu_type)"),
        "{found:#?}"
    );
}
