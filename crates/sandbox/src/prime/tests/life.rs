//! The queue, and the ways through a run's life.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_run_is_queued_pending_running_and_completed() {
    let api = Api::new();
    let id = api.create(&small(3)).await;
    let run = api.run(&id).await;
    assert_eq!((&run["status"], &run["runsAhead"]), (&json!("QUEUED"), &json!(0)));
    let logs = format!("/rft/runs/{id}/logs");
    for status in ["QUEUED", "PENDING"] {
        api.until(&id, status).await;
        let (code, answer) = api.send("GET", &logs, None).await;
        assert_eq!(code, StatusCode::NOT_FOUND);
        assert!(
            answer["detail"]
                .as_str()
                .unwrap()
                .contains(&status.to_lowercase()),
            "{answer}"
        );
    }
    let run = api.until(&id, "RUNNING").await;
    assert!(run["startedAt"].is_string() && run["completedAt"].is_null() && run["runsAhead"].is_null());
    let run = api.until(&id, "COMPLETED").await;
    assert!(run["completedAt"].is_string() && run["errorMessage"].is_null());
    assert_eq!(api.rows(&id).await.len(), 3);
    assert!(
        api.get(&logs).await["logs"]
            .as_str()
            .unwrap()
            .contains("SUCCESS Training finished after step 3")
    );
}

#[tokio::test(start_paused = true)]
async fn one_run_trains_at_a_time_and_the_others_wait_in_line() {
    let api = Api::new();
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(api.create(&small(2)).await);
        assert_eq!(api.run(&ids[number]).await["runsAhead"], number);
    }
    api.until(&ids[0], "RUNNING").await;
    // The one in the middle leaves the queue at once: it has no pods to stop.
    api.send("PUT", &format!("/rft/runs/{}/stop", ids[1]), None).await;
    pass(0.1).await;
    assert_eq!(api.run(&ids[1]).await["status"], "STOPPED");
    let run = api.run(&ids[2]).await;
    assert_eq!((&run["status"], &run["runsAhead"]), (&json!("QUEUED"), &json!(1)));
    let first = api.until(&ids[0], "COMPLETED").await;
    let last = api.until(&ids[2], "COMPLETED").await;
    assert!(first["completedAt"].as_str() < last["startedAt"].as_str());
    assert!(api.run(&ids[1]).await["startedAt"].is_null());
}

#[tokio::test(start_paused = true)]
async fn a_paused_run_is_continued_as_if_it_had_never_been_interrupted() {
    let api = Api::new();
    api.volume("data").await;
    let body = on_volume(small(6), "data");
    let whole = api.create(&body).await;
    let paused = api.create(&body).await;
    api.until_step(&paused, 3).await;
    let (status, answer) = api
        .send("POST", &format!("/training/runs/{paused}/pause"), None)
        .await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("PAUSING")));
    let run = api.until(&paused, "PAUSED").await;
    assert!(run["completedAt"].is_string());
    let mut rows = api.rows(&paused).await;
    assert!(rows.len() < 6, "{}", rows.len());
    let checkpoints = api
        .get(&format!("/rft/runs/{paused}/checkpoints?status_filter=READY"))
        .await;
    assert_eq!(checkpoints["checkpoints"][0]["step"], rows.len());

    let (status, answer) = api
        .send(
            "POST",
            &format!("/training/runs/{paused}/resume"),
            Some(&json!({})),
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    let resumed = answer["runId"].as_str().unwrap().to_owned();
    assert_ne!(resumed, paused);
    let run = api.until(&resumed, "COMPLETED").await;
    assert_eq!(
        (&run["volumeName"], &run["name"]),
        (&json!("data"), &json!("small"))
    );
    rows.extend(api.rows(&resumed).await);
    assert_eq!(rows, api.rows(&whole).await);

    // The same, by a creation that changes the config: longer.
    let mut longer = small(8);
    longer["resumeFrom"] = json!(paused);
    let longer = api.create(&longer).await;
    api.until(&longer, "COMPLETED").await;
    let steps: Vec<u64> = api
        .rows(&longer)
        .await
        .iter()
        .map(|row| row["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps.last(), Some(&8));
    assert_eq!(api.run(&longer).await["volumeName"], "data");
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_back_to_the_newest_checkpoint() {
    let api = Api::new();
    let body = with(small(6), "ckpt", json!({"interval": 2}));
    let whole = api.create(&body).await;
    let id = api.create(&body).await;
    api.until_step(&id, 3).await;
    let (status, answer) = api.send("PUT", &format!("/rft/runs/{id}/restart"), None).await;
    assert_eq!(
        (status, &answer["run"]["status"]),
        (StatusCode::OK, &json!("PENDING"))
    );
    // The step that was under way is finished, and lost.
    pass(5.0).await;
    assert_eq!(
        api.get(&format!("/rft/runs/{id}/progress")).await["latestStep"],
        2
    );
    // Not twice at once.
    let (status, _) = api.send("PUT", &format!("/rft/runs/{id}/restart"), None).await;
    assert_eq!(status, StatusCode::CONFLICT);
    api.until(&id, "COMPLETED").await;
    assert_eq!(api.rows(&id).await, api.rows(&whole).await);
    // Work that was done twice was done twice.
    let tokens = |usage: Value| usage["training"]["tokens"].as_u64().unwrap();
    let repeated = tokens(api.get(&format!("/billing/runs/{id}/usage")).await);
    assert!(repeated > tokens(api.get(&format!("/billing/runs/{whole}/usage")).await));
}

#[tokio::test(start_paused = true)]
async fn states_allow_what_they_should() {
    let api = Api::new();
    let id = api.create(&small(50)).await;
    let path = |what: &str| format!("/rft/runs/{id}/{what}");
    let pause = format!("/training/runs/{id}/pause");
    let resume = format!("/training/runs/{id}/resume");
    for status in ["QUEUED", "PENDING"] {
        api.until(&id, status).await;
        assert_eq!(
            api.send("PUT", &path("restart"), None).await.0,
            StatusCode::CONFLICT
        );
        assert_eq!(api.send("POST", &pause, None).await.0, StatusCode::CONFLICT);
    }
    api.until(&id, "RUNNING").await;
    let (status, answer) = api.send("POST", &pause, None).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(answer["detail"].as_str().unwrap().contains("volume"), "{answer}");
    assert_eq!(api.send("POST", &resume, None).await.0, StatusCode::CONFLICT);
    assert_eq!(
        api.send("PUT", &path("stop"), None).await.1["run"]["status"],
        "RUNNING"
    );
    api.until(&id, "STOPPED").await;
    // Once more changes nothing.
    let (status, answer) = api.send("PUT", &path("stop"), None).await;
    assert_eq!(
        (status, &answer["run"]["status"]),
        (StatusCode::OK, &json!("STOPPED"))
    );
    assert_eq!(api.send("POST", &resume, None).await.0, StatusCode::CONFLICT);
}

#[tokio::test(start_paused = true)]
async fn deleting_ends_and_hides_a_run_but_not_its_bill() {
    let api = Api::new();
    let id = api.create(&small(50)).await;
    let next = api.create(&small(1)).await;
    api.until_step(&id, 2).await;
    for path in ["/training/runs", "/rft/runs", "/training/runs"] {
        let (status, answer) = api.send("DELETE", &format!("{path}/{id}"), None).await;
        assert_eq!(
            (status, answer),
            (StatusCode::OK, json!({"runId": id, "deleted": true}))
        );
    }
    assert_eq!(
        api.send("GET", &format!("/rft/runs/{id}"), None).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(api.get("/rft/runs").await["total"], 1);
    api.until(&next, "COMPLETED").await;
    let usage = api.get(&format!("/billing/runs/{id}/usage")).await;
    assert_eq!(usage["status"], "STOPPED");
    assert!(usage["total_cost_usd"].as_f64() > Some(0.0));
    let unknown = api.send("DELETE", "/training/runs/nothing", None).await.0;
    assert_eq!(unknown, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn runs_fail_for_true_reasons() {
    let api = Api::new();
    let unknown = with(small(3), "model", json!({"name": "nobody/nothing"}));
    let wild = with(small(9), "trainer/optim/lr", json!(1e308));
    api.volume("data").await;
    let mut lost = json!({"mode": "sft", "config": {"data": {"name": "datasets/lost"}}});
    lost["volume"] = json!("data");
    let cases = [
        (unknown, "inference", "nobody/nothing", "base model"),
        (wild, "trainer", "not finite", "learning rate"),
        (lost, "trainer", "datasets/lost", "datasets/sandbox-text"),
    ];
    for (body, component, message, cause) in cases {
        let id = api.create(&body).await;
        let run = api.until(&id, "FAILED").await;
        let error = run["errorMessage"].as_str().unwrap();
        assert!(error.starts_with(component) && error.contains(message), "{error}");
        let analysis = &run["failureAnalysis"];
        assert!(
            analysis["rootCause"].as_str().unwrap().contains(cause),
            "{analysis}"
        );
        let logs = api
            .get(&format!("/rft/runs/{id}/logs?component={component}&level=ERROR"))
            .await;
        let evidence = analysis["evidence"][0].as_str().unwrap();
        assert!(
            logs["logs"].as_str().unwrap().contains(evidence),
            "{logs} {evidence}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn deleting_a_volume_again_leaves_the_next_one_of_its_name_alone() {
    let api = Api::new();
    api.volume("data").await;
    for _ in 0..2 {
        let (status, _) = api.send("DELETE", "/training/volumes/data", None).await;
        assert_eq!(status, StatusCode::OK);
        pass(1.0).await;
    }
    while !api.get("/training/volumes").await["volumes"][1].is_null() {
        pass(0.1).await;
    }
    api.volume("data").await;
    pass(600.0).await;
    assert_eq!(api.get("/training/volumes").await["volumes"][1]["name"], "data");
}
