//! What other trainers, services and data sets call things.

use serde_json::{Value, json};

use super::{all_begin, begins, input};
use crate::support::Place;

#[cfg(feature = "text")]
fn recipe(more: &Value) -> Value {
    let mut recipe =
        json!({"method": "grpo", "base_model": "b", "grader": {"type": "number"}, "estimate_only": true});
    let more = more.as_object().unwrap().clone();
    recipe.as_object_mut().unwrap().extend(more);
    recipe
}

#[cfg(feature = "text")]
#[tokio::test]
async fn a_nested_config_of_another_trainer_is_taken_apart() {
    let mut place = Place::new().await;
    let rows = place.file("rows.json", &json!([{"prompt": "1+1=", "answer": 2}]));
    let verl = json!({
        "data": {"train_files": rows, "train_batch_size": 0},
        "actor_rollout_ref": {"model": {"path": "b"}, "actor": {"optim": {"lr": 1e-6}, "ppo_mini_batch_size": 4}, "rollout": {"n": 1}},
        "algorithm": {"adv_estimator": "gspo"},
        "trainer": {"total_epochs": 3, "save_freq": 10},
        "estimate_only": true,
    });
    let found = place.problems("start-training", verl).await;
    all_begin(
        &found,
        &[
            "data.train_files: is called dataset here",
            "data.train_batch_size: is called rows_per_step here",
            "actor_rollout_ref.model.path: is called base_model here",
            "actor_rollout_ref.actor.optim.lr: is called learning_rate here",
            "actor_rollout_ref.rollout.n: is called group_size here",
            "actor_rollout_ref: holds actor.ppo_mini_batch_size as well, which has no counterpart here",
            "algorithm.adv_estimator: is called method here",
            "trainer.total_epochs: is called epochs here",
            "trainer.save_freq: is called save_every here",
            // And what it holds is checked where it belongs.
            "method: must be \"grpo\", with loss {\"type\": \"LOSS_TYPE_GRPO\", \"grpo_params\": {\"ratio_type\"",
            "rows_per_step: is 0, but must be at least 1",
            "group_size: is 1, but must be at least 2",
            "grader: is required",
        ],
    );
    assert_eq!(found.len(), 13, "{found:#?}");
}

#[cfg(feature = "text")]
#[tokio::test]
async fn a_setting_that_no_recipe_has_is_told_what_to_do() {
    let mut place = Place::new().await;
    let dataset = place.file("rows.json", &json!([{"question": "1+1=", "answer": 2}]));
    let call = recipe(&json!({
        "dataset": dataset, "ref_model": "b", "warmup_ratio": 0.1, "gradient_accumulation_steps": 4, "bf16": true,
        "sampling": {"n": 8}, "save_steps": 5, "hyperparameters": {"n_epochs": 2, "batch_size": 4}, "loss": "dapo", "zebra": 1, "giraffe": 2,
    }));
    let found = place.problems("start-training", call).await;
    all_begin(
        &found,
        &[
            "ref_model: is not chosen here: kl alone",
            "warmup_ratio: is a share of the steps",
            "gradient_accumulation_steps: has no counterpart here, and needs none: rows_per_step",
            "bf16: has no counterpart here: leave it out",
            "sampling.n: is called group_size here, and belongs beside sampling",
            "save_steps: is called save_every here",
            "hyperparameters: does not belong here: write n_epochs, batch_size as arguments of their own",
            "n_epochs: is called epochs here",
            "batch_size: is called rows_per_step here",
            "loss: found text, expected an object: write {\"type\":\"LOSS_TYPE_GRPO\"} (dapo is LOSS_TYPE_GRPO here, with grpo_params",
            "zebra: is not known here; known are: ",
            // All names are listed once.
            "giraffe: is not known here either: leave it out",
            // What is wrong with the rows is told in the same answer.
            "dataset, line 1: needs messages, such as ",
        ],
    );
    let found = place
        .problems(
            "start-training",
            recipe(&json!({"dataset": dataset, "method": "dpo"})),
        )
        .await;
    assert!(
        begins(&found, "method: is not trained here, as no loss takes pairs"),
        "{found:#?}"
    );
}

#[cfg(feature = "text")]
#[tokio::test]
async fn columns_templates_and_recipes_as_text_are_told_the_form_here() {
    let mut place = Place::new().await;
    let dataset = place.file("rows.json", &json!([{"question": "1+1=", "answer": 2}]));
    let call = recipe(&json!({"dataset": dataset, "prompt_column": "question", "answer_key": "answer"}));
    let found = place.problems("start-training", call).await;
    all_begin(
        &found,
        &[
            "prompt_column: is a template here: write prompt, with the member's name in it",
            "answer_key: is named where it is used: in the grader",
        ],
    );
    // What a template makes that cannot be used is not held against each row.
    let call = recipe(&json!({"dataset": dataset, "prompt": "{question}"}));
    let found = place.problems("start-training", call).await;
    assert_eq!(
        found,
        ["prompt: names no member of the rows, such as {{row.question}}: it would be the same for all"]
    );
    let call = recipe(
        &json!({"dataset": dataset, "prompt": "{{row.question}}", "eval_split": 0.1, "session_id": "s", "model_resources_id": "m", "clip_ratio": 0.2, "loss": "ppo"}),
    );
    let found = place.problems("start-training", call).await;
    all_begin(
        &found,
        &[
            "eval_split: is not made here: eval_dataset is a file of its own",
            "model_resources_id: stands in place of base_model: give one of them",
            "session_id: stands in place of base_model: give one of them",
            "clip_ratio: belongs inside loss.grpo_params or loss.ppo_params",
        ],
    );
    let text = json!({"method": "sft", "base_model": "b", "data_path": dataset}).to_string();
    let found = place
        .problems("start-training", json!({"recipe": text, "zebra": 1}))
        .await;
    all_begin(
        &found,
        &[
            "recipe: does not belong here: write method, base_model, data_path as arguments of their own",
            "data_path: is called dataset here",
            "zebra: is not known here",
            "dataset, line 1: needs messages",
        ],
    );
    // Rows of messages get the answer that the recipe makes.
    let asked = json!([{"messages": [{"role": "user", "content": "1+1="}], "answer": 2}]);
    let dataset = place.file("asked.json", &asked);
    let call = json!({"method": "sft", "base_model": "b", "dataset": dataset, "completion": "{{row.answer}}", "zebra": 1});
    let found = place.problems("start-training", call).await;
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[tokio::test]
async fn a_name_that_is_there_already_is_not_suggested() {
    let mut place = Place::new().await;
    let call = json!({"body": {"base_model": "b", "ref_model": "b"}, "estimate_only": true});
    let found = place.problems("create-model-resource", call).await;
    assert!(
        found.len() == 1 && found[0].starts_with("body.ref_model: is not known here; known are: base_model"),
        "{found:#?}"
    );
    let call = json!({"session_id": "s", "session_ids": "s"});
    let found = place.problems("stop-training-session", call).await;
    assert_eq!(
        found,
        [
            "session_ids: is not known here; did you mean session_id, which is there as well? Then leave this out"
        ]
    );
}

#[tokio::test]
async fn a_name_of_several_meanings_is_told_the_one_that_fits_its_value() {
    let mut place = Place::new().await;
    let datum = json!({"model_input": input(&[1, 2]), "loss_fn_inputs": {"target_tokens": [2, 3]}});
    let call =
        json!({"session_id": "s", "body": {"data": [datum.clone()], "loss": {"type": "cross_entropy"}}});
    let found = place.problems("forward-backward-pass", call).await;
    all_begin(
        &found,
        &[
            "body.data: is called samples here",
            "body.samples[0].loss_fn_inputs.target_tokens: found a list, expected an object",
        ],
    );
    // Beside the body it is looked at too, although tensors have data of their own.
    let call = json!({"session_id": "s", "data": [datum], "loss_fn": "cross_entropy"});
    let found = place.problems("forward-backward-pass", call).await;
    all_begin(
        &found,
        &[
            "data: belongs inside body, where it is called samples here",
            "body.samples[0].loss_fn_inputs.target_tokens: found a list, expected an object",
        ],
    );
    let examples = json!([{"prompt": [1], "completion": [2]}]);
    let rows = place.file("rows.json", &json!([{"prompt": [1]}]));
    for (data, lines) in [
        (
            examples,
            vec!["data: is called examples here", "loss: found text"],
        ),
        (
            json!(rows),
            vec![
                "data: is called examples_path here",
                "loss: found text",
                "examples_path[0].completion: is required",
            ],
        ),
    ] {
        let call = json!({"session_id": "s", "data": data, "loss": "sft"});
        let found = place.problems("build-training-batch", call).await;
        assert_eq!(found.len(), lines.len(), "{found:#?}");
        all_begin(&found, &lines);
    }
    for name in ["sample_operation_id", "sampling_operation_ids"] {
        let call = json!({"session_id": "s", name: "o", "rewards": [1]});
        let found = place.problems("build-training-batch", call).await;
        all_begin(
            &found,
            &[
                &format!("{name}: is called operation_ids here"),
                "rewards[0]: found a number",
            ],
        );
        assert!(!begins(&found, "operation_ids: is required"), "{found:#?}");
    }
}

#[cfg(feature = "text")]
#[tokio::test]
async fn what_a_text_does_not_go_through_is_told_where_it_was_written() {
    let mut place = Place::new().await;
    let call = json!({"session_id": "s", "prompt": "hi", "add_generation_prompt": true});
    let found = place.problems("render-prompt", call).await;
    assert_eq!(
        found,
        [
            "prompt: is called text here",
            "add_generation_prompt: is for the template, and text goes through none: leave it out, or give messages in place of text",
        ]
    );
    let call = json!({"session_id": "s", "prompt": [{"role": "gpt", "content": "x"}], "add_generation_prompt": true});
    let found = place.problems("render-prompt", call).await;
    assert_eq!(
        found,
        [
            "prompt: is called messages here",
            "add_generation_prompt: is a variable of the template: write template_args.add_generation_prompt",
            "messages[0].role: is gpt, which no template knows: write \"assistant\"",
        ]
    );
}

#[cfg(feature = "text")]
#[tokio::test]
async fn roles_of_other_data_sets_are_told_those_of_templates() {
    let mut place = Place::new().await;
    let turns = json!([{"role": "human", "content": "a"}, {"role": "GPT", "content": "b"}]);
    let call = json!({"session_id": "s", "prompts": [{"messages": turns}]});
    let found = place.problems("sample", call).await;
    assert_eq!(
        found,
        [
            "prompts[0].messages[0].role: is human, which no template knows: write \"user\"",
            "prompts[0].messages[1].role: is GPT, which no template knows: write \"assistant\"",
        ]
    );
    let call = json!({"session_id": "s", "examples": [{"messages": turns}, {"conversations": []}]});
    let found = place.problems("build-training-batch", call).await;
    all_begin(
        &found,
        &[
            "examples[0].messages[0].role: is human",
            "examples[0].messages[1].role: is GPT",
            "examples[1].conversations: is called messages here, each with role and content in place of from and value",
        ],
    );
    // A file that has them throughout is read as it is meant: nobody can rewrite it in a call.
    let turns = json!([{"from": "system", "value": "s"}, {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]);
    let path = place.file("rows.json", &json!([{"conversations": turns, "id": 7}]));
    let shown = place
        .server
        .call("check-dataset", json!({"path": path}))
        .await
        .json();
    assert_eq!(
        (&shown["messages"], &shown["with_completion"]),
        (&json!(1), &json!(1)),
        "{shown}"
    );
    assert_eq!(shown["members"], json!({"id": 1}));
    assert_eq!(shown["examples"][0]["text"], "system: s\nuser: a\nassistant: b");
}

#[cfg(feature = "text")]
#[tokio::test]
async fn graders_in_other_forms_are_told_the_whole_form() {
    let mut place = Place::new().await;
    let mut told = async |grader: Value| {
        let call = json!({"completions": [{"text": "4", "answer": 4}], "grader": grader});
        place.problems("grade-completions", call).await
    };
    let flat = json!({"type": "combine", "parts": [{"type": "number", "weight": 0.8}, "format", {"type": "regex", "pattern": "("}]});
    let found = told(flat).await;
    all_begin(
        &found,
        &[
            "grader.parts[0]: is a grader, and a part holds one: write {\"grader\":{\"type\":\"number\"},\"weight\":0.8}",
            "grader.parts[1]: is a grader, and a part holds one: write {\"grader\":{\"type\":\"format\"}}",
            "grader.parts[2]: is a grader, and a part holds one",
            // What is wrong inside is told as well.
            "grader.parts[2].grader.pattern: cannot be used",
        ],
    );
    for (grader, line) in [
        (
            json!({"type": "regex", "pattern": "yes", "flags": "i"}),
            "grader.flags: belongs into the pattern",
        ),
        (
            json!({"type": "regex", "pattern": "yes", "ignore_case": true}),
            "grader.ignore_case: belongs into the pattern",
        ),
        (
            json!({"type": "regex", "pattern": "/a/b/is"}),
            "grader.pattern: has slashes around it, which would have to match: write \"(?is)a/b\"",
        ),
        (json!({"kind": "number"}), "grader.kind: is called type here"),
        (json!({"name": "exact_match"}), "grader.name: is called type here"),
        (
            json!({"type": "format", "pattern": "<a>"}),
            "grader.pattern: is for type regex",
        ),
    ] {
        let found = told(grader).await;
        assert!(begins(&found, line), "{line}: {found:#?}");
    }
    // Slashes may be meant.
    let call =
        json!({"completions": [{"text": "at /usr/ it is"}], "grader": {"type": "regex", "pattern": "/usr/"}});
    let shown = place.server.call("grade-completions", call).await.json();
    assert_eq!(shown["mean_reward"], 1.0, "{shown}");
}

#[tokio::test]
async fn a_config_for_supervised_runs_is_told_everything_at_once() {
    let mut place = Place::new().await;
    let config = json!({
        "model": "Qwen/Qwen3-0.6B", "trainer": {"optim": {"lr": 1e-5}}, "data": {"path": "my/data", "train_batch_size": 8, "zebra": 1},
        "ckpt": {"save_steps": 5}, "num_epochs": 2, "max_seq_length": 64,
    });
    let call = json!({"body": {"config": config, "mode": "sft"}, "estimate_only": true});
    let found = place.problems("prime-intellect-createrun", call).await;
    let lines = [
        "trainer: does not belong to a supervised run",
        "model: is an object today",
        "trainer.optim.lr: belongs at optim.lr",
        "data.path: belongs at data.name",
        "data.train_batch_size: belongs at data.batch_size",
        "data.name: is a dataset of a volume: write datasets/NAME, which lies on the volume of body.volume",
        "data.zebra: is not among the trainer's own keys: leave it out",
        "ckpt.save_steps: belongs at ckpt.interval",
        "num_epochs: has no place in a config: max_steps",
        "max_seq_length: belongs at data.seq_len",
    ];
    for line in lines {
        assert!(
            begins(&found, &format!("body.config.{line}")),
            "{line}: {found:#?}"
        );
    }
    assert_eq!(found.len(), lines.len(), "{found:#?}");
    // A name of a hub is told that none is fetched.
    let config = json!({"model": {"name": "m"}, "data": {"name": "my/data"}, "zebra": 1, "k8s": {}});
    let call = json!({"body": {"config": config, "volume": "v"}, "estimate_only": true});
    let found = place.problems("prime-intellect-createrun", call).await;
    assert!(
        begins(&found, "body.config.data.name: is no dataset of a volume"),
        "{found:#?}"
    );
}

#[tokio::test]
async fn a_config_for_rl_is_told_everything_at_once() {
    let mut place = Place::new().await;
    let verl = json!({
        "data": {"train_files": "x", "train_batch_size": 64}, "trainer": {"total_epochs": 3, "save_freq": 10},
        "actor_rollout_ref": {"model": {"path": "m"}, "actor": {"optim": {"lr": 1e-6}}, "rollout": {"n": 8}},
    });
    let found = place
        .problems(
            "prime-intellect-createrun",
            json!({"body": {"config": verl}, "estimate_only": true}),
        )
        .await;
    for line in [
        "orchestrator: is required for an RL run",
        "trainer.save_freq: belongs at ckpt.interval",
        "trainer.total_epochs: has no place in a config",
        "data.train_batch_size: belongs at orchestrator.batch_size",
        "data: is not for RL, whose prompts come from environments",
        "actor_rollout_ref.model.path: belongs at model.name",
        "actor_rollout_ref.actor.optim.lr: belongs at trainer.optim.lr",
        "actor_rollout_ref.rollout.n: belongs at orchestrator.group_size",
        "actor_rollout_ref: is not among the trainer's own keys: leave out what else it holds",
        "orchestrator.train.source: is missing, and says where prompts come from",
    ] {
        assert!(
            begins(&found, &format!("body.config.{line}")),
            "{line}: {found:#?}"
        );
    }
    let environments =
        json!({"trainer": {}, "orchestrator": {"environments": [{"id": "me/mine"}]}, "k8s": {}});
    let found = place
        .problems(
            "prime-intellect-createrun",
            json!({"body": {"config": environments}}),
        )
        .await;
    assert!(
        begins(
            &found,
            "body.config.orchestrator.environments: belongs at orchestrator.train.source: write orchestrator.train.source [{\"name\": \"reverse\", \"env\": {\"taskset\": {\"id\": \"me/mine\"}}}]"
        ),
        "{found:#?}"
    );
}

#[tokio::test]
async fn a_name_of_a_hub_in_place_of_a_file_is_told_that_none_is_fetched() {
    let mut place = Place::new().await;
    for path in [
        "openai/gsm8k",
        "hf://openai/gsm8k",
        "https://huggingface.co/datasets/openai/gsm8k",
    ] {
        let found = place.problems("read-result", json!({"path": path})).await;
        assert!(
            begins(&found, "path: there is no such file under ")
                && found[0].contains("none is fetched from a hub or an address"),
            "{found:#?}"
        );
    }
    let found = place
        .problems("read-result", json!({"path": "results/s/x.json"}))
        .await;
    assert!(!found[0].contains("hub"), "{found:#?}");
}
