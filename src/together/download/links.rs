//! What there is to download: the list of the service, and fresh URLs when those of an older one have expired.

use std::sync::Arc;

use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Mutex;

use super::{Wanted, broken_off, file_name};
use crate::context::{Call, Context, Reply, Request};
use crate::error::ToolError;
use crate::json::integer::Integer;
use crate::spec::DOWNLOAD_CHECKPOINT;
use crate::together::CheckpointVariant;
use crate::together::payload;

/// Asks the service for the files of a checkpoint.
pub(crate) async fn list(
    call: &Call<'_>,
    checkpoint_id: &str,
    variant: CheckpointVariant,
) -> Result<Reply, ToolError> {
    request(call, checkpoint_id, variant).send().await
}

fn request<'a>(call: &'a Call<'a>, checkpoint_id: &'a str, variant: CheckpointVariant) -> Request<'a> {
    let request = call.request().path("id", checkpoint_id);
    request.query("variant", Some(variant))
}

/// Lets the URLs of a list out that a download may have made known as secrets: some services give the same ones again.
pub(crate) fn show_urls(call: &Call<'_>, reply: &Reply) {
    // What is no list holds none of them.
    let links =
        serde_json::from_str::<Listing>(reply.text()).map_or_else(|_| Vec::new(), |answer| answer.data);
    let urls = links.iter().filter_map(|link| Url::parse(&link.url).ok());
    for query in urls.filter_map(|url| url.query().map(str::to_owned)) {
        call.context.redactor().release(&query);
    }
}

/// How much of a list of links is shown, in bytes.
const LONGEST_SHOWN: usize = 30_000;

/// The links that a conversation holds, the first ones. The rest goes into no file, as other long answers do: whoever reads
/// a presigned URL has the weights.
#[must_use]
pub(crate) fn fitting(reply: Reply) -> Reply {
    let links = reply.member::<Vec<Box<RawValue>>>("data");
    let Some(mut links) = links.filter(|_| reply.text().len() > LONGEST_SHOWN) else {
        return reply;
    };
    let (all, mut left) = (links.len(), LONGEST_SHOWN);
    let fit = links.iter().take_while(|link| {
        let rest = left.checked_sub(link.get().len() + 1);
        left = rest.unwrap_or(0);
        rest.is_some()
    });
    let fit = fit.count();
    links.truncate(fit);
    let note = format!(
        "The first {fit} of {all} files, because a conversation holds no more links: with directory all of them are downloaded."
    );
    reply.with("data", &links).noted(&note)
}

/// A file as the service lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) size: u64,
}

/// The files, and where they are to be had for the time being.
pub(super) struct Links {
    context: Arc<Context>,
    wanted: Wanted,
    files: Vec<Listed>,
    round: Mutex<Round>,
}

/// The URLs of one list, in the order of the files.
struct Round {
    number: u32,
    urls: Vec<Url>,
}

#[derive(Deserialize)]
struct Listing {
    data: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    filename: String,
    size: Integer,
    url: String,
}

impl Links {
    /// Asks for the files, and refuses names that are not safe.
    pub(super) async fn ask(context: &Arc<Context>, wanted: &Wanted) -> Result<Self, ToolError> {
        let (files, urls) = ask(context, wanted).await?;
        let stopped = |problem: String| {
            broken_off(
                &problem,
                "call without directory for the links, and decide with the user; nothing was written.",
            )
        };
        if files.is_empty() {
            return Err(stopped("the service lists no file of this checkpoint".to_owned()));
        }
        if let Some((name, wrong)) = file_name::problem(files.iter().map(|file| file.name.as_str())) {
            return Err(stopped(format!(
                "the service lists a file {name:?}, which is not a safe name: {wrong}"
            )));
        }
        if files
            .iter()
            .try_fold(0_u64, |sum, file| sum.checked_add(file.size))
            .is_none()
        {
            return Err(stopped(
                "the sizes that the service lists cannot be true".to_owned(),
            ));
        }
        Ok(Self {
            context: context.clone(),
            wanted: wanted.clone(),
            files,
            round: Mutex::new(Round { number: 0, urls }),
        })
    }

    pub(super) fn files(&self) -> &[Listed] {
        &self.files
    }

    /// Where a file is to be had, and the number of the list that said so.
    pub(super) async fn url(&self, index: usize) -> Result<(u32, Url), ToolError> {
        let round = self.round.lock().await;
        let url = round.urls.get(index).cloned();
        url.map(|url| (round.number, url))
            .ok_or_else(|| ToolError::Internal("a file has no URL".to_owned()))
    }

    /// Asks for fresh URLs, unless somebody has since the list with this number.
    pub(super) async fn renew(&self, number: u32) -> Result<(), ToolError> {
        let mut round = self.round.lock().await;
        if round.number != number {
            return Ok(());
        }
        let (files, urls) = ask(&self.context, &self.wanted).await?;
        let place = |wanted: &Listed| files.iter().position(|file| file == wanted);
        let places: Option<Vec<usize>> = self.files.iter().map(place).collect();
        let places = places.filter(|places| places.len() == files.len());
        let Some(places) = places else {
            return Err(broken_off(
                "the service now lists other files of this checkpoint than before",
                "call again with another directory.",
            ));
        };
        round.urls = places
            .iter()
            .filter_map(|place| urls.get(*place).cloned())
            .collect();
        round.number += 1;
        Ok(())
    }
}

async fn ask(context: &Arc<Context>, wanted: &Wanted) -> Result<(Vec<Listed>, Vec<Url>), ToolError> {
    let row = &DOWNLOAD_CHECKPOINT;
    let call = Call::new(context, row);
    // As the service wrote it: a name from which something was taken would be another one.
    let request = request(&call, &wanted.checkpoint_id, wanted.variant).uncleaned();
    let reply = request.send().await?;
    let answer: Listing = payload::parse(&call, row, &reply)?;
    let (mut files, mut urls) = (Vec::new(), Vec::new());
    for Link { filename, size, url } in answer.data {
        // It is not negative.
        let size = size.0.unsigned_abs();
        files.push(Listed { name: filename, size });
        urls.push(payload::presigned(&call, row, &url)?);
    }
    Ok((files, urls))
}
