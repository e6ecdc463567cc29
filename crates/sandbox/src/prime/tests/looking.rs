//! What is shown is true of what ran.

use super::*;

#[tokio::test(start_paused = true)]
async fn all_that_is_shown_of_a_run_fits_together() {
    let api = Api::new();
    let body = with(small(5), "ckpt", json!({"interval": 2, "keep_last": 2}));
    let id = api.create(&body).await;
    api.until(&id, "COMPLETED").await;
    pass(30.0).await;
    let of = |what: &str| format!("/rft/runs/{id}/{what}");

    let rows = api.rows(&id).await;
    let sum = |name: &str| rows.iter().map(|row| row[name].as_u64().unwrap()).sum::<u64>();
    let usage = api.get(&format!("/billing/runs/{id}/usage")).await;
    assert_eq!(usage["training"]["tokens"], sum("tokens/training"));
    assert_eq!(usage["inference"]["input_tokens"], sum("tokens/input"));
    assert_eq!(usage["inference"]["output_tokens"], sum("tokens/output"));

    let narrow = api.get(&of("metrics?min_step=2&max_step=4&limit=2")).await;
    let steps: Vec<&Value> = narrow["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["step"])
        .collect();
    assert_eq!(steps, [3, 4]);

    let samples = api.get(&of("samples?step=5")).await;
    assert_eq!(samples["total"], 8);
    let rewards = samples["samples"].as_array().unwrap().iter();
    let rewards: Vec<f64> = rewards.map(|sample| sample["reward"].as_f64().unwrap()).collect();
    let mean = rewards.iter().sum::<f64>() / 8.0;
    assert!((rows[4]["reward/mean"].as_f64().unwrap() - mean).abs() < 1e-12);
    let page = api.get(&of("samples?step=5&page=3&limit=3")).await;
    assert_eq!(
        (page["samples"].as_array().unwrap().len(), &page["total_pages"]),
        (2, &json!(3))
    );
    assert_eq!(api.get(&of("samples?step=99")).await["total"], 0);

    for kind in ["rewards", "advantages"] {
        let answer = api.get(&of(&format!("distributions?type={kind}"))).await;
        assert_eq!(answer["step"], 5);
        let bins = answer["bins"].as_array().unwrap().iter();
        assert_eq!(bins.map(|bin| bin["count"].as_u64().unwrap()).sum::<u64>(), 8);
    }
    let progress = api.get(&of("progress")).await;
    assert_eq!(progress["stepsWithSamples"], json!([1, 2, 3, 4, 5]));

    // Of those at 2, 4 and the end, the newest two.
    let checkpoints = api.get(&of("checkpoints")).await;
    let checkpoints = checkpoints["checkpoints"].as_array().unwrap().iter();
    let kept: Vec<(&Value, &Value)> = checkpoints
        .map(|checkpoint| (&checkpoint["step"], &checkpoint["status"]))
        .collect();
    let ready = json!("READY");
    assert_eq!(kept, [(&json!(4), &ready), (&json!(5), &ready)]);
    let servers = api.get(&of("env-servers")).await;
    assert_eq!(servers["env_servers"][0]["env_name"], "letters");
}

#[tokio::test(start_paused = true)]
async fn the_meter_runs_from_ready_pods_to_the_end_and_empties_the_wallet() {
    let api = Api::new();
    let id = api.create(&small(6)).await;
    let run = api.until(&id, "COMPLETED").await;
    let time = |name: &str| humantime::parse_rfc3339(run[name].as_str().unwrap()).unwrap();
    let hours = time("completedAt")
        .duration_since(time("startedAt"))
        .unwrap()
        .as_secs_f64()
        / 3600.0;
    let usage = api.get(&format!("/billing/runs/{id}/usage")).await;
    // Two GPUs for 3 USD.
    let cost = usage["total_cost_usd"].as_f64().unwrap();
    assert!((cost - hours * 6.0).abs() < 6.0 / 3600.0, "{cost} {hours}");
    let wallet = api.get("/billing/wallet").await;
    assert!((wallet["balance_usd"].as_f64().unwrap() - (1000.0 - cost)).abs() < 1e-9);
    assert_eq!(wallet["recent_billings"][0]["resource_id"], json!(id));
    assert_eq!(
        api.get("/billing/wallet?offset=1").await["recent_billings"],
        json!([])
    );
}

#[tokio::test(start_paused = true)]
async fn logs_are_those_of_the_asked_component() {
    let api = Api::new();
    let second = json!({"name": "odd", "env": {"taskset": {"id": "me/unknown"}}, "ratio": 0.0});
    let first = json!({"name": "letters", "env": {"taskset": {"id": "letter-class"}}});
    let id = api
        .create(&with(
            small(3),
            "orchestrator/train/source",
            json!([first, second]),
        ))
        .await;
    let notice = api.run(&id).await["notice"].as_str().unwrap().to_owned();
    assert!(
        notice.contains("me/unknown") && notice.contains("letter-class stands in"),
        "{notice}"
    );
    api.until(&id, "COMPLETED").await;
    let logs = async |query: &str| {
        let answer = api.get(&format!("/rft/runs/{id}/logs?{query}")).await;
        let text = answer["logs"].as_str().unwrap().to_owned();
        text.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    assert!(logs("").await.iter().any(|line| line.contains("Reward")));
    assert_eq!(logs("component=trainer&search=Loss").await.len(), 3);
    assert_eq!(logs("component=trainer&tail_lines=1").await.len(), 1);
    assert!(logs("component=inference").await[0].contains("Loading model"));
    assert!(logs("component=env-server&env_name=odd").await.len() < logs("component=env-server").await.len());
    assert_eq!(logs("level=WARNING").await.len(), 1);
    let own = api
        .get(&format!(
            "/rft/runs/{id}/env-server-logs?env_name=letters&tail_lines=1"
        ))
        .await;
    assert!(own["logs"].as_str().unwrap().contains("mean reward"));
    for (query, status) in [
        ("level=LOUD", 422),
        ("tail_lines=0", 422),
        ("tail_lines=5001", 422),
        ("since_seconds=59", 422),
        ("component=scheduler", 422),
        ("regex=maybe", 422),
        ("component=trainer&pod_index=1", 404),
        ("component=env-server&env_name=none", 404),
    ] {
        let (code, _) = api
            .send("GET", &format!("/rft/runs/{id}/logs?{query}"), None)
            .await;
        assert_eq!(code.as_u16(), status, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn runs_are_listed_newest_first_by_page_and_team() {
    let api = Api::new();
    for number in 0..5 {
        let mut body = small(1);
        body["name"] = json!(format!("run {number}"));
        if number == 2 {
            body["teamId"] = json!("team_1");
        }
        api.create(&body).await;
    }
    let names = |answer: &Value| {
        let runs = answer["runs"].as_array().unwrap().iter();
        runs.map(|run| run["name"].as_str().unwrap().to_owned())
            .collect::<Vec<String>>()
    };
    let page = api.get("/rft/runs?page=2&limit=2&mine=true").await;
    assert_eq!(names(&page), ["run 2", "run 1"]);
    assert_eq!((&page["total"], &page["total_pages"]), (&json!(5), &json!(3)));
    assert_eq!(names(&api.get("/rft/runs?team_id=team_1").await), ["run 2"]);
    assert_eq!(api.send("GET", "/rft/runs?limit=0", None).await.0.as_u16(), 422);
}

#[tokio::test(start_paused = true)]
async fn volumes_are_made_grown_and_deleted() {
    let api = Api::new();
    api.volume("data").await;
    let listed = api.get("/training/volumes?teamId=team_1").await;
    assert_eq!(listed["volumes"].as_array().unwrap().len(), 1, "{listed}");
    let listed = api.get("/training/volumes").await;
    assert_eq!(
        [&listed["volumes"][0], &listed["volumes"][1]].map(|volume| (&volume["name"], &volume["status"])),
        [
            (&json!("sandbox"), &json!("RUNNING")),
            (&json!("data"), &json!("RUNNING"))
        ]
    );
    let body = |size: &str| json!({"size": size});
    let grow = async |size: &str| {
        api.send("PATCH", "/training/volumes/data", Some(&body(size)))
            .await
    };
    assert_eq!(grow("500Gi").await.0.as_u16(), 422);
    assert_eq!(grow("2Ti").await.1["size"], "2Ti");
    let again = json!({"name": "data", "size": "1Ti"});
    assert_eq!(
        api.send("POST", "/training/volumes", Some(&again)).await.0,
        StatusCode::CONFLICT
    );

    let id = api.create(&on_volume(small(1), "data")).await;
    assert_eq!(
        api.send("DELETE", "/training/volumes/data", None).await.0,
        StatusCode::CONFLICT
    );
    api.until(&id, "COMPLETED").await;
    assert_eq!(
        api.send("DELETE", "/training/volumes/data", None).await.0,
        StatusCode::OK
    );
    assert_eq!(
        api.get("/training/volumes").await["volumes"][1]["status"],
        "TERMINATING"
    );
    pass(15.0).await;
    // The sandbox's own stays, so that what names it is true.
    let (status, answer) = api.send("DELETE", "/training/volumes/sandbox", None).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    let left = api.get("/training/volumes").await;
    assert_eq!(left["volumes"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(left["volumes"][0]["name"], "sandbox");
}

#[tokio::test]
async fn there_is_something_to_train_on_and_with() {
    let api = Api::new();
    let models = api.get("/training/available-fft-models").await;
    assert_eq!(models["onDemand"][0]["availableNow"], true);
    assert_eq!(models["models"][0]["name"], "Qwen/Qwen3-0.6B");
    let types = api.get("/training/available-gpu-types?team_id=x").await;
    assert_eq!(types["gpuTypes"][0], models["onDemand"][0]["gpuType"]);
}

#[tokio::test]
async fn other_keys_paths_and_methods_are_refused_as_by_the_service() {
    let api = Api::new();
    for key in ["", "pit_other"] {
        let (status, _) = api.send_as(key, "GET", "/rft/runs", None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    for (method, path, status, detail) in [
        ("GET", "/rft/run", 404, "Not Found"),
        ("POST", "/training/runs/prepare", 405, "Method Not Allowed"),
        ("GET", "/training/runs", 405, "Method Not Allowed"),
        ("GET", "/training/volumes/data/sessions", 404, "Not Found"),
        ("GET", "/rft/runs/nothing", 404, "Run not found"),
        ("GET", "/billing/runs/nothing/usage", 404, "Run not found"),
    ] {
        let (code, answer) = api.send(method, path, None).await;
        assert_eq!(
            (code.as_u16(), &answer["detail"]),
            (status, &json!(detail)),
            "{path}"
        );
    }
}
