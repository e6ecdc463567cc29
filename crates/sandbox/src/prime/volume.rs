//! Named volumes: what can be asked of them, but for their content.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::Refusal;
use super::fields::{Fields, reading};
use super::platform::{Platform, World};
use super::query::Query;
use super::run::{CLUSTER, USER};
use super::task::float;
use crate::clock::stamp;

/// The volume that is there from the start and stays. Tools use volumes but make none, so without it nothing that needs one
/// could be rehearsed through them.
pub(super) const OWN: &str = "sandbox";
/// Seconds until a volume is there, and until it is gone. Scaled.
const CREATING: f64 = 10.0;
const TERMINATING: f64 = 10.0;
/// Multiples of bytes in sizes.
const UNITS: [(&str, i32); 5] = [("Ki", 1), ("Mi", 2), ("Gi", 3), ("Ti", 4), ("Pi", 5)];

/// A volume.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) name: String,
    size: String,
    /// CREATING, RUNNING or TERMINATING.
    status: &'static str,
    team: Option<String>,
    created: SystemTime,
}

impl Volume {
    /// The sandbox's own.
    pub(super) fn own(now: SystemTime) -> Self {
        Self {
            name: OWN.to_owned(),
            size: "1Ti".to_owned(),
            status: "RUNNING",
            team: None,
            created: now,
        }
    }

    fn shown(&self) -> Value {
        json!({
            "name": self.name,
            "size": self.size,
            "status": self.status,
            "clusterId": CLUSTER,
            "cluster": "sandbox",
            "pvcName": format!("pvc-{}", self.name),
            "createdBy": USER,
            "createdAt": stamp(self.created),
        })
    }
}

impl World {
    /// Reports that a run can't have this volume.
    pub(super) fn usable(&self, name: &str) -> Result<(), Refusal> {
        match self.volumes.iter().find(|volume| volume.name == name) {
            None => Err(Refusal::not_found(format!(
                "Volume {name} not found; the sandbox's own is {OWN}"
            ))),
            Some(volume) if volume.status == "RUNNING" => Ok(()),
            Some(volume) => Err(Refusal::conflict(format!("Volume {name} is {}", volume.status))),
        }
    }

    fn volume(&mut self, name: &str) -> Result<&mut Volume, Refusal> {
        let volume = self.volumes.iter_mut().find(|volume| volume.name == name);
        volume.ok_or_else(no_volume)
    }
}

/// `POST /training/volumes`.
pub(super) async fn create(
    State(platform): State<Arc<Platform>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let ((name, size, team), _) = reading(&body, |fields| {
        fields.only(&["name", "size", "warm", "teamId", "cluster"]);
        fields.require("name");
        fields.require("size");
        fields.flag("warm");
        fields.text("cluster");
        let name = fields.word("name").unwrap_or_default();
        let fits = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        if !name.bytes().all(fits) || name.starts_with('-') || name.ends_with('-') || name.len() > 63 {
            fields.refuse(
                "name",
                "Use up to 63 lowercase letters, digits and dashes, with no dash at an end",
            );
        }
        (
            name.to_owned(),
            size(fields),
            fields.text("teamId").map(str::to_owned),
        )
    })?;
    let created = platform.clock.now();
    let shown = platform.change(|world| {
        if world.volumes.iter().any(|volume| volume.name == name) {
            return Err(Refusal::conflict(format!("Volume {name} exists already")));
        }
        let most = platform.bounds.volumes;
        if world.volumes.len() >= most {
            return Err(Refusal::conflict(format!(
                "There are {most} volumes: delete one first"
            )));
        }
        let volume = Volume {
            name: name.clone(),
            size,
            status: "CREATING",
            team,
            created,
        };
        let shown = volume.shown();
        world.volumes.push(volume);
        Ok(shown)
    })?;
    let later = platform.clone();
    drop(tokio::spawn(async move {
        later.clock.wait(CREATING).await;
        later.change(|world| {
            if let Ok(volume) = world.volume(&name)
                && volume.status == "CREATING"
            {
                volume.status = "RUNNING";
            }
        });
    }));
    Ok((StatusCode::OK, Json(shown)))
}

/// `GET /training/volumes`.
pub(super) async fn list(State(platform): State<Arc<Platform>>, query: Query) -> Json<Value> {
    let team = query.text("teamId");
    let volumes: Vec<Value> = platform.look(|world| {
        let volumes = world.volumes.iter();
        let there =
            volumes.filter(|volume| team.is_none() || volume.team.as_deref() == team || volume.name == OWN);
        there.map(Volume::shown).collect()
    });
    Json(json!({"volumes": volumes}))
}

/// `PATCH /training/volumes/{name}`.
pub(super) async fn resize(
    State(platform): State<Arc<Platform>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let (wanted, _) = reading(&body, |fields| {
        fields.only(&["size", "teamId"]);
        fields.require("size");
        fields.text("teamId");
        size(fields)
    })?;
    platform.change(|world| {
        let volume = world.volume(&name)?;
        if bytes(&wanted) <= bytes(&volume.size) {
            let message = format!("A volume can only grow; it has {}", volume.size);
            return Err(Refusal::invalid("body", "size", message, "value_error"));
        }
        volume.size = wanted;
        Ok(Json(volume.shown()))
    })
}

/// `DELETE /training/volumes/{name}`.
pub(super) async fn delete(
    State(platform): State<Arc<Platform>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    if name == OWN {
        return Err(Refusal::conflict(format!(
            "Volume {OWN} is the sandbox's own and stays"
        )));
    }
    let first = platform.change(|world| {
        let users = world
            .runs
            .iter()
            .filter(|run| run.volume.as_deref() == Some(&name));
        if let Some(run) = users.into_iter().find(|run| !run.status.terminal()) {
            return Err(Refusal::conflict(format!(
                "Volume {name} is in use by run {}",
                run.id
            )));
        }
        let volume = world.volume(&name)?;
        let first = volume.status != "TERMINATING";
        volume.status = "TERMINATING";
        Ok(first)
    })?;
    // A repeat must not remove what gets the name afterwards.
    if first {
        let later = platform.clone();
        drop(tokio::spawn(async move {
            later.clock.wait(TERMINATING).await;
            later.change(|world| world.volumes.retain(|volume| volume.name != name));
        }));
    }
    Ok(Json(json!({})))
}

/// The size that a body asks for.
fn size(fields: &Fields<'_>) -> String {
    let size = fields.text("size").unwrap_or_default();
    if fields.has("size") && bytes(size).is_none() {
        fields.refuse("size", "Use a number with Ki, Mi, Gi, Ti or Pi, such as 500Gi");
    }
    size.to_owned()
}

/// A size in bytes.
fn bytes(size: &str) -> Option<f64> {
    let unit = UNITS.iter().find(|(unit, _)| size.ends_with(unit));
    let number = unit.map_or(size, |(unit, _)| size.trim_end_matches(unit));
    let plain = number.starts_with(|first: char| first.is_ascii_digit())
        && number.ends_with(|last: char| last.is_ascii_digit())
        && number
            .bytes()
            .all(|letter| letter.is_ascii_digit() || letter == b'.');
    let number: f64 = number.parse().ok().filter(|_| plain)?;
    Some(number * float(1024).powi(unit.map_or(0, |(_, power)| *power)))
}

fn no_volume() -> Refusal {
    Refusal::not_found("Volume not found")
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_kubernetes_quantities() {
        assert_eq!(bytes("1.5Ki"), Some(1536.0));
        assert_eq!(bytes("100"), Some(100.0));
        assert!(bytes("2Ti") > bytes("500Gi"));
        for wrong in ["", "Gi", "5 Gi", "5G", "-1Gi", "1e3Gi", "1.Gi"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
