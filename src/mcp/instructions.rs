//! What a host shows the model about the server as a whole.
//!
//! Hosts cut long instructions: the whole stays under 2,000 characters, and says the order of the calls and what
//! bills. Details belong to the tools' own descriptions.

use crate::mcp::offer::Offer;
use crate::spec::Service;

const TOGETHER: [&str; 4] = [TOGETHER_WHOLE, TOGETHER_START, TOGETHER_STEP, TOGETHER_END];

#[cfg(feature = "text")]
const TOGETHER_WHOLE: &str = "\
Together AI, a whole run: check-dataset, start-training (estimate_only first; bills until it ends), get-training, download-checkpoint.
";
#[cfg(not(feature = "text"))]
const TOGETHER_WHOLE: &str = "";

const TOGETHER_START: &str = "\
Together AI, step by step:
1. list-supported-models, create-model-resource (estimate_only first; bills while READY).
2. create-training-session on it.
";

#[cfg(feature = "text")]
const TOGETHER_STEP: &str = "\
3. RL step: sample several completions per prompt (prompts_path), grade-completions, build-training-batch, forward-backward-pass with its body_path, optimizer-step, weights-sync (else sample uses old weights). Supervised: build-training-batch with examples, then the same.
";
#[cfg(not(feature = "text"))]
const TOGETHER_STEP: &str = "\
3. RL step: sample several completions per prompt (output file), score them from that file, build-training-batch, forward-backward-pass with its body_path, optimizer-step, weights-sync (else sample keeps the old weights). Supervised: the same from build-training-batch on, with examples.
";

const TOGETHER_END: &str = "\
4. End: save-training-checkpoint to resume later, create-inference-checkpoint to serve or download; stop-training-session until STOPPED, stop-model-resource. Stopping the session alone leaves the GPUs billing.
FAILED is final: read error, submit anew.
";

const PRIME: [&str; 1] = ["\
Prime Intellect, a whole run from one config:
1. prime-intellect-createrun with estimate_only true for the price, then without (may bill by the GPU hour).
2. prime-intellect-getrun with wait_seconds waits for its end; prime-intellect-getrunmetrics, -getrunsamples and -getrunlogs show how it goes.
3. COMPLETED, FAILED and STOPPED are final. prime-intellect-stoprun ends a run early, and its billing; prime-intellect-listruncheckpoints shows what came of it; -deleterun removes it for good.
"];

const COMMON: &str = "\
Calls wait for what they start, stop or show (wait_seconds); if that takes longer, next in the answer is the call that goes on.
Tell the user the price before starting something, and stop what bills when the work ends, fails or is given up. list-recent-activity shows what was started before. After a lost answer to a creating call look in the list before you repeat it, or it may bill twice.";

const FURTHER: &str = " Further tools are in toolsets that the user can add with --toolsets.";

const NARROWED: &str = " Only some of the tools named here are offered: the user has limited them.";

/// The instructions for what is offered. `preface` comes first.
#[must_use]
pub(crate) fn instructions(offer: &Offer, preface: &str) -> String {
    let mut text = preface.to_owned();
    for (service, parts) in [(Service::Together, &TOGETHER[..]), (Service::Prime, &PRIME)] {
        if offer.has(service) {
            text.extend(parts.iter().copied());
            text.push('\n');
        }
    }
    text.push_str(COMMON);
    if !offer.is_everything() {
        text.push_str(FURTHER);
    }
    if !offer.serves_a_run() {
        text.push_str(NARROWED);
    }
    text
}
