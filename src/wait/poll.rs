//! Looking at a thing again and again, once for all who wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::goal::{self, Goal, Reading};
use crate::context::{Call, Context, Reply};
use crate::error::ToolError;

/// Between the first two looks; each further time is half as long again.
const SHORTEST: Duration = Duration::from_millis(50);
/// How often the service may not know yet what it has just made.
const MOST_TOO_EARLY: u32 = 5;

/// What is looked at: the row, whether steps are counted, and the ids in the path.
type Thing = (&'static str, bool, Vec<String>);

/// The polls under way.
#[derive(Default)]
pub(crate) struct Polls(Mutex<HashMap<Thing, Weak<Poll>>>);

/// The looks at one thing. They end with the last one who waits for it.
pub(super) struct Poll {
    looks: watch::Receiver<Option<Look>>,
    hurry: Arc<Notify>,
    looking: JoinHandle<()>,
}

/// What was seen, and when that was asked for. A failure is the last look.
#[derive(Clone)]
struct Look {
    asked: Instant,
    found: Result<Snapshot, ToolError>,
}

/// A thing as the service shows it.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) reply: Reply,
    /// The status in it.
    pub(super) status: Option<String>,
    /// How far it is.
    pub(super) step: Option<i64>,
}

impl Snapshot {
    pub(super) fn new(reply: Reply) -> Self {
        let status = goal::status(&reply);
        Self {
            reply,
            status,
            step: None,
        }
    }

    /// The answer, with how far it is.
    pub(super) fn into_reply(self) -> Reply {
        match self.step {
            Some(step) => self.reply.with(goal::LATEST_STEP, &step),
            None => self.reply,
        }
    }
}

/// What is known of a thing when somebody begins to look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    Nothing,
    /// Its state.
    State,
    /// That it was made just now.
    Made,
}

/// The place of one who waits: only what was asked for after joining counts, since an earlier look may show the state before
/// what the call itself did.
pub(super) struct Waiter {
    joined: Instant,
    looks: watch::Receiver<Option<Look>>,
}

impl Poll {
    /// Joins the looks at a thing; who knows its state can do without one at once.
    pub(super) fn join(
        context: &Arc<Context>,
        goal: &Goal,
        ids: &[&str],
        known: Known,
    ) -> (Arc<Self>, Waiter) {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let joined = Instant::now();
        let polls = context.state::<Polls>();
        let mut polls = polls.0.lock().unwrap_or_else(PoisonError::into_inner);
        polls.retain(|_, poll| poll.strong_count() > 0);
        let key = (goal.show.name, goal.steps.is_some(), ids.clone());
        let running = polls.get(&key).and_then(Weak::upgrade);
        let poll = if let Some(poll) = running.filter(|poll| !poll.looking.is_finished()) {
            poll.hurry.notify_one();
            poll
        } else {
            let poll = Arc::new(Self::start(context, goal, ids, known));
            polls.insert(key, Arc::downgrade(&poll));
            poll
        };
        drop(polls);
        let looks = poll.looks.clone();
        (poll, Waiter { joined, looks })
    }

    fn start(context: &Arc<Context>, goal: &Goal, ids: Vec<String>, known: Known) -> Self {
        let (sender, looks) = watch::channel(None);
        let hurry = Arc::new(Notify::new());
        let rounds = rounds(Arc::clone(context), *goal, ids, known, sender, Arc::clone(&hurry));
        Self {
            looks,
            hurry,
            // A task of its own: no single one of those who wait may stop it for the others.
            looking: tokio::spawn(rounds),
        }
    }

    /// The next look that counts.
    pub(super) async fn fresh(&self, place: &mut Waiter) -> Result<Snapshot, ToolError> {
        while place.looks.changed().await.is_ok() {
            if let Some(look) = &*place.looks.borrow_and_update()
                && (look.asked >= place.joined || look.found.is_err())
            {
                return look.found.clone();
            }
        }
        let last = place.looks.borrow().clone();
        match last {
            Some(Look {
                found: Err(error), ..
            }) => Err(error),
            _ => Err(ToolError::Internal("it stopped looking".to_owned())),
        }
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

async fn rounds(
    context: Arc<Context>,
    goal: Goal,
    ids: Vec<String>,
    known: Known,
    looks: watch::Sender<Option<Look>>,
    hurry: Arc<Notify>,
) {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut pause = SHORTEST;
    let mut asked = Instant::now();
    let mut next = match known {
        Known::Nothing => asked,
        Known::State | Known::Made => asked + SHORTEST,
    };
    // How soon whoever joins later gets a look of their own.
    let mut least = SHORTEST;
    let mut too_early = if known == Known::Made { MOST_TOO_EARLY } else { 0 };
    loop {
        // The timer's grain is a millisecond: what is due already must not wait for it.
        while next > Instant::now() {
            tokio::select! {
                () = sleep_until(next) => break,
                // Somebody has joined who knows nothing yet, or only what was.
                () = hurry.notified() => next = next.min(asked + least),
            }
        }
        asked = Instant::now();
        // A call of its own, with all the time of one, whoever waits for it.
        let call = Call::new(&context, goal.show);
        let request = call.request().path_values(&ids);
        let found = request.perhaps_too_early(too_early > 0).send().await;
        if too_early > 0 && found.as_ref().is_err_and(goal::is_not_found) {
            too_early -= 1;
        } else {
            too_early = 0;
            let mut found = found.map(Snapshot::new);
            if let Ok(seen) = &mut found {
                seen.step = goal.step(&call, &ids, seen.status.as_deref()).await;
            }
            let interval = found.as_ref().ok().map(|seen| {
                // What has come to rest is asked for by those who come and go: nobody waits there for long.
                let at_rest = goal.reading(seen.status.as_deref()) == Reading::Reached;
                least = if at_rest { Duration::ZERO } else { SHORTEST };
                goal.interval(seen.status.as_deref())
            });
            looks.send_replace(Some(Look { asked, found }));
            let Some(interval) = interval else {
                return;
            };
            pause = pause.min(interval);
        }
        next = Instant::now() + pause;
        pause = pause * 3 / 2;
    }
}
