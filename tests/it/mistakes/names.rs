//! Names of tools that there are not.

use serde_json::json;

use crate::support::Place;

#[tokio::test]
async fn an_unknown_tool_is_told_by_its_meaning_and_never_the_opposite() {
    let mut place = Place::new().await;
    for (asked, meant) in [
        ("prime-intellect-cancelrun", "prime-intellect-stoprun"),
        ("cancel_run", "prime-intellect-stoprun"),
        ("training-session", "get-training-session"),
        ("kill-job", "prime-intellect-stoprun"),
        ("terminate_training_run", "prime-intellect-stoprun"),
        ("abort_session", "stop-training-session"),
        ("delete_model_resource", "stop-model-resource"),
        ("remove_run", "prime-intellect-deleterun"),
        ("launch_run", "prime-intellect-createrun"),
        ("start_session", "create-training-session"),
        ("run_status", "prime-intellect-getrun"),
        ("get-session-status", "get-training-session"),
        ("optim_step", "optimizer-step"),
        ("optimizer_step", "optimizer-step"),
        ("step", "optimizer-step"),
        ("generate", "sample"),
        ("completions", "sample"),
        ("train_step", "forward-backward-pass"),
        ("backward", "forward-backward-pass"),
        ("forward_backward", "forward-backward-pass"),
        ("sync", "weights-sync"),
        ("update_weights", "weights-sync"),
        ("save_state", "save-training-checkpoint"),
        ("stop-trainin-session", "stop-training-session"),
        (
            "cancel",
            if cfg!(feature = "text") {
                "stop-training-session or stop-model-resource or stop-training or prime-intellect-stoprun"
            } else {
                "stop-training-session or stop-model-resource or prime-intellect-stoprun"
            },
        ),
    ] {
        let call = json!({"name": asked, "arguments": {}});
        let answer = place.server.request("tools/call", call).await;
        let message = answer["error"]["message"].as_str().unwrap();
        assert_eq!(
            message,
            format!("there is no tool `{asked}`; did you mean {meant}?")
        );
    }
    // What only sounds alike is named as long as it changes nothing.
    for asked in [
        "creator-run",
        "prime-intellect-createuser",
        "stopper",
        "sampler-weights",
    ] {
        let call = json!({"name": asked, "arguments": {}});
        let answer = place.server.request("tools/call", call).await;
        let message = answer["error"]["message"].as_str().unwrap();
        let meant = message.split_once("did you mean ").map(|(_, meant)| meant);
        let harmless = ["get", "list", "read", "estimate", "build"];
        let is_harmless = meant.is_none_or(|meant| {
            let own = meant.trim_start_matches("prime-intellect-");
            harmless.iter().any(|verb| own.starts_with(verb))
        });
        assert!(is_harmless, "{message}");
    }
}
