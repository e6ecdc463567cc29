//! What is dropped when there is too much, and what is not.

use super::*;

fn bounded(change: impl FnOnce(&mut Bounds)) -> Api {
    let mut bounds = Bounds::SANDBOX;
    change(&mut bounds);
    Api::bounded(bounds)
}

impl Api {
    /// The code of what a GET of a run answers.
    async fn code(&self, id: &str) -> u16 {
        let (status, _) = self.send("GET", &format!("/rft/runs/{id}"), None).await;
        status.as_u16()
    }

    async fn cost(&self, id: &str) -> f64 {
        let usage = self.get(&format!("/billing/runs/{id}/usage")).await;
        usage["total_cost_usd"].as_f64().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_ended_runs_go_but_not_their_bills_and_not_what_can_be_resumed() {
    let api = bounded(|bounds| bounds.ended_runs = 1);
    api.volume("v").await;
    let paused = api.create(&on_volume(small(9), "v")).await;
    api.until_step(&paused, 1).await;
    api.send("POST", &format!("/training/runs/{paused}/pause"), None)
        .await;
    api.until(&paused, "PAUSED").await;
    let mut ended = Vec::new();
    let mut costs = api.cost(&paused).await;
    for _ in 0..3 {
        let id = api.create(&small(1)).await;
        api.until(&id, "COMPLETED").await;
        costs += api.cost(&id).await;
        ended.push(id);
    }
    assert_eq!(
        [
            api.code(&ended[0]).await,
            api.code(&ended[1]).await,
            api.code(&ended[2]).await
        ],
        [404, 404, 200]
    );
    let wallet = api.get("/billing/wallet").await;
    let balance = wallet["balance_usd"].as_f64().unwrap();
    assert!((balance - (1000.0 - costs)).abs() < 1e-9, "{balance} {costs}");
    let (status, _) = api
        .send("POST", &format!("/training/runs/{paused}/resume"), None)
        .await;
    assert_eq!(status, StatusCode::OK);
    // Once it is deleted nobody can resume it, and it goes as the oldest.
    api.send("DELETE", &format!("/training/runs/{paused}"), None)
        .await;
    let (status, _) = api
        .send("GET", &format!("/billing/runs/{paused}/usage"), None)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(api.code(&ended[2]).await, 200);
}

#[tokio::test(start_paused = true)]
async fn long_runs_go_before_there_are_many_of_them_but_never_the_newest() {
    let api = bounded(|bounds| bounds.ended_rows = 3);
    let first = api.create(&small(2)).await;
    api.until(&first, "COMPLETED").await;
    let second = api.create(&small(4)).await;
    api.until(&second, "COMPLETED").await;
    assert_eq!([api.code(&first).await, api.code(&second).await], [404, 200]);
    assert_eq!(api.rows(&second).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_has_not_ended_is_bounded_by_refusing_more() {
    let api = bounded(|bounds| {
        bounds.runs = 1;
        // One more than the sandbox's own.
        bounds.volumes = 2;
    });
    let id = api.create(&small(1)).await;
    let (status, _) = api.send("POST", "/training/runs", Some(&small(1))).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    api.until(&id, "COMPLETED").await;
    api.create(&small(1)).await;
    api.volume("one").await;
    let (status, _) = api
        .send(
            "POST",
            "/training/volumes",
            Some(&json!({"name": "two", "size": "1Gi"})),
        )
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
}
