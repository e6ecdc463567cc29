//! What does not go together in a recipe.

use super::{Method, Recipe};
use crate::dataset::placeholders;
use crate::error::problems::{Path, Problems};
use crate::together::grader_argument::GraderArgument;
use crate::together::losses::LossType;

impl Recipe {
    /// Reports what does not go together. What a recipe that names a file lacks may stand in the file.
    pub(crate) fn check(&self, problems: &mut Problems) {
        if self.recipe_path.is_none() {
            self.check_whole(problems);
        }
    }

    /// The same of a recipe with all its parts.
    pub(super) fn check_whole(&self, problems: &mut Problems) {
        let lacks = |name: &str, problems: &Problems| !problems.mention(&Path::Root.key(name));
        if self.method.is_none() && lacks("method", problems) {
            problems.add(
                &Path::Root.key("method"),
                "is required: grpo (with grader, which gives rewards) or sft (the rows have their answers)",
            );
        }
        if self.dataset.as_deref().unwrap_or_default().is_empty() && lacks("dataset", problems) {
            problems.add(
                &Path::Root.key("dataset"),
                "is required: a JSON-lines file with {messages} or {prompt} in each line (check-dataset looks at one)",
            );
        }
        self.check_place(problems);
        if self.steps.is_some() && self.epochs.is_some() {
            problems.add(
                &Path::Root.key("epochs"),
                "say the same as steps in another way: give one of them",
            );
        }
        for (name, template) in [("prompt", &self.prompt), ("completion", &self.completion)] {
            if let Some(template) = template
                && let Err(problem) = placeholders(template)
            {
                problems.add(&Path::Root.key(name), problem);
            }
        }
        if self
            .warmup_steps
            .is_some_and(|warmup| self.steps.is_some_and(|steps| warmup >= steps))
        {
            problems.add(
                &Path::Root.key("warmup_steps"),
                "are as many as there are steps: the full rate would never be reached",
            );
        }
        self.limits().check(&Path::Root.key("limits"), problems);
        if let Some(loss) = &self.loss {
            loss.value.check(&Path::Root.key("loss"), problems);
        }
        match self.method {
            Some(Method::Grpo) => self.check_grpo(problems),
            Some(Method::Sft) => self.check_sft(problems),
            None => {}
        }
    }

    /// Where it trains: one of three says it.
    fn check_place(&self, problems: &mut Problems) {
        let places = [
            ("base_model", self.base_model.is_some()),
            ("model_resources_id", self.model_resources_id.is_some()),
            ("session_id", self.session_id.is_some()),
        ];
        let mut given = places.iter().filter(|(_, given)| *given).map(|(name, _)| *name);
        let told = places
            .iter()
            .any(|(name, _)| problems.mention(&Path::Root.key(name)));
        match (given.next(), given.next()) {
            (None, _) if !told => problems.add(
                &Path::Root.key("base_model"),
                "is required: a model of list-supported-models (or model_resources_id, or session_id, of what is up already)",
            ),
            (Some(first), Some(second)) => {
                for other in std::iter::once(second).chain(given) {
                    problems.add(
                        &Path::Root.key(other),
                        format!("stands in place of {first}: give one of them"),
                    );
                }
            }
            _ => {}
        }
        if self.session_id.is_some() {
            for (name, given) in [
                ("lora", self.lora.is_some()),
                ("gpu_type", self.gpu_type.is_some()),
                ("num_generator_replicas", self.num_generator_replicas.is_some()),
            ] {
                if given {
                    problems.add(
                        &Path::Root.key(name),
                        "is fixed in a session that is there: leave it out",
                    );
                }
            }
        }
    }

    fn check_grpo(&self, problems: &mut Problems) {
        let grader = GraderArgument {
            grader: self.grader.as_ref(),
            path: self.grader_path.as_deref(),
        };
        grader.check(problems);
        for (name, given) in [
            ("train_on", self.train_on.is_some()),
            ("completion", self.completion.is_some()),
        ] {
            if given {
                problems.add(&Path::Root.key(name), "is for method sft: leave it out");
            }
        }
        let kind = self.loss.as_ref().and_then(|loss| loss.value.kind());
        if kind == Some(LossType::CrossEntropy) {
            problems.add(
                &Path::Root.key("loss").key("type"),
                "is that of method sft: leave loss out, or name one that takes advantages",
            );
        }
        if self.kl() > 0.0 && kind.is_some_and(|kind| kind != LossType::Grpo) {
            problems.add(
                &Path::Root.key("kl"),
                "needs LOSS_TYPE_GRPO, which alone has a KL term: leave one of them out",
            );
        }
        if self.loss.as_ref().is_some_and(|loss| loss.value.has_kl_term()) {
            problems.add(
                &Path::Root.key("loss").key("grpo_params").key("beta"),
                "is given as kl in a recipe: the run then also scores the sequences by the model as it was",
            );
        }
        let sampling = self.sampling.clone().unwrap_or_default();
        if sampling.temperature == Some(0.0) {
            problems.add(
                &Path::Root.key("sampling").key("temperature"),
                "of 0 makes all completions of a prompt the same, which teaches nothing: give 1, or leave it out",
            );
        }
    }

    fn check_sft(&self, problems: &mut Problems) {
        let needless = [
            ("grader", self.grader.is_some()),
            ("grader_path", self.grader_path.is_some()),
            ("group_size", self.group_size.is_some()),
            ("sampling", self.sampling.is_some()),
            ("kl", self.kl() > 0.0),
            ("scale_by_deviation", self.scale_by_deviation.is_some()),
        ];
        let needless: Vec<&str> = needless
            .iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| *name)
            .collect();
        for name in &needless {
            problems.add(
                &Path::Root.key(name),
                "is for method grpo: sft learns the answers in the rows; leave it out",
            );
        }
        let kind = self.loss.as_ref().and_then(|loss| loss.value.kind());
        if kind.is_some_and(|kind| kind != LossType::CrossEntropy) {
            problems.add(
                &Path::Root.key("loss").key("type"),
                "must be LOSS_TYPE_CROSS_ENTROPY for method sft: leave loss out",
            );
        }
        let limits = self.limits();
        for (name, given) in [("reward", limits.reward.is_some()), ("kl", limits.kl.is_some())] {
            if given {
                problems.add(
                    &Path::Root.key("limits").key(name),
                    "is of method grpo: sft has no such figure",
                );
            }
        }
    }

    /// What the caller may not have meant.
    pub(crate) fn doubt(&self) -> Option<String> {
        let mut doubts = Vec::new();
        if self.learning_rate == Some(0.0) {
            doubts.push("learning_rate is 0, so that nothing is learned.");
        }
        if self.learning_rate.is_some_and(|rate| rate > 1e-2) {
            doubts.push("learning_rate is far above what the field uses (1e-5 to 1e-3 for LoRA).");
        }
        (!doubts.is_empty()).then(|| doubts.join(" "))
    }
}
