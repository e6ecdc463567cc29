//! The types of GPU that a run can ask for.

use super::estimate::Offer;
use crate::context::{Call, Request};
use crate::error::problems::{list, nearest};
use crate::spec::{LIST_GPU_TYPES, LIST_MODELS};

/// What to say of a type that is not offered; `None`: it is, or nobody knows. `on_demand` are those that are known to be
/// offered on demand, if they were asked for.
pub(crate) async fn unoffered(
    call: &Call<'_>,
    team: Option<&str>,
    wanted: &str,
    on_demand: Option<Vec<String>>,
) -> Option<String> {
    let on_demand = if let Some(on_demand) = on_demand {
        on_demand
    } else {
        let shown = Request::new(call, &LIST_MODELS)
            .query("team_id", team)
            .send()
            .await;
        let offers: Option<Vec<Offer>> = shown.ok().and_then(|shown| shown.member("onDemand"));
        offers.into_iter().flatten().map(|offer| offer.gpu_type).collect()
    };
    let shown = Request::new(call, &LIST_GPU_TYPES)
        .query("team_id", team)
        .send()
        .await;
    let mut offered: Vec<String> = shown.ok()?.member("gpuTypes")?;
    for gpu_type in on_demand {
        if !offered.contains(&gpu_type) {
            offered.push(gpu_type);
        }
    }
    if offered.is_empty() || offered.iter().any(|offered| offered == wanted) {
        return None;
    }
    let names = || offered.iter().map(String::as_str);
    let near = names()
        .find(|name| name.starts_with(wanted))
        .or_else(|| nearest(wanted, names()));
    let near = near.map_or_else(String::new, |near| format!(" Did you mean {near}?"));
    Some(format!(
        "`{wanted}` is not offered; offered are {}.{near}",
        list(names())
    ))
}
