//! A request under way, until the journal knows how it ended.

use super::activity::bills::listed_by;
use super::record::now;
use super::{Journal, Outcome, Record, observed};
use crate::error::ToolError;
use crate::spec::{CREATE_MODEL_RESOURCE, STOP_MODEL_RESOURCE, Spec};

/// The name of the id of what bills as long as it is up.
const MODEL_RESOURCE: &str = "model_resources_id";

/// A request under way. One that is dropped half-way, as its call was cancelled or the server ends, may have been
/// carried out.
pub(crate) struct Pending<'a> {
    journal: &'a Journal,
    spec: &'static Spec,
    ids: &'a [(&'static str, &'a str)],
    /// The line as it will be if nothing is heard of the request any more.
    record: Record,
    /// What people call what the request makes.
    name: Option<&'a str>,
    /// The number of the call, if it starts something that bills.
    creation: Option<u64>,
    answered: bool,
}

impl<'a> Pending<'a> {
    /// A request by the row `spec` that is about to be sent to `host`; `ids` are the arguments in its path.
    pub(crate) fn new(
        journal: &'a Journal,
        tool: &'static Spec,
        spec: &'static Spec,
        host: &str,
        ids: &'a [(&'static str, &'a str)],
        idempotency_key: Option<&str>,
        usd_per_hour: Option<f64>,
    ) -> Self {
        let mut record = Record::new(tool.name, host, Outcome::Unknown);
        for (name, id) in ids {
            record.add_id(name, id);
        }
        record.idempotency_key = idempotency_key.map(str::to_owned);
        record.usd_per_hour = usd_per_hour;
        record.cause = Some("Cancelled".to_owned());
        let creation = listed_by(spec.name).map(|look| {
            let running = journal.running();
            running.creating(spec.name, record.time.clone(), look)
        });
        Self {
            journal,
            spec,
            ids,
            record,
            name: None,
            creation,
            answered: false,
        }
    }

    /// Notes what people call what the request makes, and what kind of run it starts.
    pub(crate) fn named(&mut self, name: Option<&'a str>, kind: Option<&str>) {
        self.name = name;
        self.record.kind = kind.map(str::to_owned);
    }

    /// The request ended so: with a status and the JSON text of a success, or in failure. `too_early`: the service may
    /// not know yet what it has just made.
    pub(crate) fn ended(mut self, result: &Result<(u16, String), ToolError>, too_early: bool) {
        self.answered = true;
        self.record.cause = None;
        match result {
            Ok((status, answer)) => {
                self.record.outcome = Outcome::Done;
                self.record.status = Some(*status);
                self.record.usd_per_hour = self
                    .record
                    .usd_per_hour
                    .or_else(|| observed::usd_per_hour(self.spec, answer));
                for (name, id) in observed::made(self.spec, answer) {
                    self.record.add_id(name, &id);
                    if let Some(called) = self.name {
                        self.journal.names().learn(name, &id, called);
                    }
                }
                self.journal.names().shown(self.spec, answer);
                self.write();
                self.note_observed(answer);
            }
            Err(ToolError::Call(failure)) => {
                if !failure.outcome_is_unknown() {
                    self.record.outcome = Outcome::Refused;
                }
                self.record.status = failure.status();
                if self.record.status.is_none() {
                    self.record.cause = Some(failure.cause.name().to_owned());
                }
                self.write();
                if failure.status() == Some(404) && !too_early {
                    self.note_gone();
                }
            }
            // Nothing else comes of a request that went out.
            Err(_) => {}
        }
        self.follow();
    }

    /// Writes down what is true of what the call is about, beyond the call itself; once for each server.
    fn note_observed(&self, answer: &str) {
        let Some(observed) = observed::observed(self.spec, answer) else {
            return;
        };
        let mut record = Record::new(&self.record.tool, &self.record.host, observed.outcome);
        for (name, id) in self.ids.iter().copied().chain(observed.ids()) {
            record.add_id(name, id);
        }
        let Some(id) = record.id(observed.about) else {
            return;
        };
        self.note_once(&record, observed.about, id);
    }

    /// What the service does not know any more has ended.
    fn note_gone(&self) {
        let Some((name, id)) =
            observed::about(self.spec).and_then(|about| self.ids.iter().find(|(name, _)| *name == about))
        else {
            return;
        };
        let mut record = Record::new(&self.record.tool, &self.record.host, Outcome::Ended);
        record.ids.clone_from(&self.record.ids);
        record.status = self.record.status;
        self.note_once(&record, name, id);
    }

    /// Writes down what has come to something, unless this server has done so before.
    fn note_once(&self, record: &Record, name: &'static str, id: &str) {
        if name == MODEL_RESOURCE {
            self.journal.running().ended(id);
        }
        let journal = self.journal;
        if journal.is_new(record.outcome, name, id) {
            journal.write(record);
        }
    }

    /// Keeps in mind what of this process may be up.
    fn follow(&self) {
        self.end_creation();
        if self.record.outcome == Outcome::Done {
            self.journal.running().looked(self.spec.name);
        }
        let Some(id) = self.record.id(MODEL_RESOURCE) else {
            return;
        };
        let running = self.journal.running();
        if self.spec.name == CREATE_MODEL_RESOURCE.name && self.record.outcome == Outcome::Done {
            running.started(id, self.record.usd_per_hour);
        }
        if self.spec.name == STOP_MODEL_RESOURCE.name && self.record.is_over() {
            running.ended(id);
        }
    }

    fn end_creation(&self) {
        if let Some(creation) = self.creation {
            let known = self.answered && self.record.outcome != Outcome::Unknown;
            self.journal.running().created(creation, known);
        }
    }

    fn write(&self) {
        if self.spec.is_recorded() {
            // When it ended, not when it was sent.
            let record = Record {
                time: now(),
                ..self.record.clone()
            };
            self.journal.write(&record);
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.write();
            self.end_creation();
        }
    }
}
