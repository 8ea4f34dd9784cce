//! The JSON of a comparison: two groups of runs, what separates them, and the causes that this
//! points to.

use rdpdoctor_diagnosis::compare::{Comparison, Group, Pointer, compare};
use rdpdoctor_diagnosis::{Evidence, Policy};
use rdpdoctor_model::{ObservationId, Stage, Target, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::{
    Engine, NextTest, Owner, Proof, Remedy, RunContext, SCHEMA_VERSION, Status, Texts, Tool,
};
use crate::mask::mask_file;
use crate::{Document, MaskError, Masker, harmless};

/// What a comparison came to, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonDocument {
    /// The version of this form, 1.
    pub schema_version: u32,
    /// What made it.
    pub tool: Tool,
    /// The answer in one place.
    pub verdict: ComparisonVerdict,
    /// The first group: with `--good` the good runs.
    pub a: RunGroup,
    /// The second group: with `--bad` the bad runs.
    pub b: RunGroup,
    /// What differs, in the order of the stages.
    pub differences: Vec<DifferenceEntry>,
    /// The causes that the comparison points to, surest first.
    pub findings: Vec<ComparisonFinding>,
    /// What would tell the causes apart.
    pub next_tests: Vec<NextTest>,
}

/// The answer in one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonVerdict {
    /// Whether anything differs that matters.
    pub different: bool,
    /// The cause that the comparison points to first.
    pub cause: Option<String>,
    /// How sure that is.
    pub proof: Option<Proof>,
    /// Whose it is to mend.
    pub owner: Option<Owner>,
    /// The group that suffers, where that is known.
    pub group: Option<GroupName>,
    /// One line that a person understands.
    pub title: String,
}

/// One of the two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GroupName {
    /// The first.
    A,
    /// The second.
    B,
}

impl From<Group> for GroupName {
    fn from(group: Group) -> Self {
        match group {
            Group::First => Self::A,
            Group::Second => Self::B,
        }
    }
}

/// A group of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunGroup {
    /// What it is called for people: `A`, `B`, `good`, `bad`.
    pub name: String,
    /// Its runs, as they were given.
    pub runs: Vec<RunEntry>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunEntry {
    /// The file that it was read from.
    pub file: String,
    /// What the user typed.
    pub target: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How it ended, judged with today's rules.
    pub status: Status,
    /// The cause that was found.
    pub cause: Option<String>,
    /// Its one line.
    pub title: String,
}

/// Something that was seen in both groups and is nowhere the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DifferenceEntry {
    /// Where it shows.
    pub stage: Stage,
    /// What differs.
    pub aspect: String,
    /// Whether it can have to do with a failure.
    pub matters: bool,
    /// What the first group's runs saw.
    pub a: Vec<ValueEntry>,
    /// What the second group's runs saw.
    pub b: Vec<ValueEntry>,
}

/// What one run saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ValueEntry {
    /// The run's place in its group, from 0.
    pub run: usize,
    /// What it saw.
    pub value: String,
    /// The observations of that run that say so.
    pub evidence: Vec<ObservationId>,
}

/// A cause that the comparison points to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonFinding {
    /// The cause's identifier, `area.kebab-case`.
    pub cause: String,
    /// How sure it is.
    pub proof: Proof,
    /// The group that suffers from it, where that is known.
    pub group: Option<GroupName>,
    /// One line that a person understands.
    pub title: String,
    /// Why the difference points there, and what else it may be.
    pub explanation: String,
    /// The aspects of the differences that it rests on.
    pub aspects: Vec<String>,
    /// The observations that it rests on.
    pub evidence: Vec<CitedObservation>,
    /// What to do, best first.
    pub remedies: Vec<Remedy>,
    /// Where one can read it up.
    pub references: Vec<String>,
}

/// An observation of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CitedObservation {
    /// The run's group.
    pub group: GroupName,
    /// The run's place in it, from 0.
    pub run: usize,
    /// The observation's id in that run's document.
    pub id: ObservationId,
}

/// A document with the name of its file.
#[derive(Debug, Clone)]
pub struct SavedRun {
    /// The file.
    pub file: String,
    /// The document, judged with today's rules.
    pub document: Document,
}

impl ComparisonDocument {
    /// Compares two groups; `None` where they have nothing in common that could differ. `names` are
    /// what the groups are called for people.
    pub fn of(first: &[SavedRun], second: &[SavedRun], names: [&str; 2]) -> Option<Self> {
        let targets: [Vec<Target>; 2] =
            [first, second].map(|runs| runs.iter().map(target).collect());
        let [one, other] = [(first, &targets[0]), (second, &targets[1])].map(|(runs, targets)| {
            runs.iter().zip(targets).map(|(run, target)| evidence(run, target)).collect::<Vec<_>>()
        });
        let comparison = compare(&one, &other);
        (comparison.compared > 0).then(|| Self::new(first, second, names, &comparison))
    }

    fn new(
        first: &[SavedRun],
        second: &[SavedRun],
        names: [&str; 2],
        comparison: &Comparison,
    ) -> Self {
        let run = first.iter().chain(second).next().map(context);
        let mut next_tests: Vec<NextTest> = Vec::new();
        for pointer in
            comparison.findings.iter().filter(|f| f.proof != rdpdoctor_diagnosis::Proof::Proven)
        {
            let texts = run.as_ref().map(|run| Texts::new(run, &[]));
            for test in pointer.cause.next_tests {
                let test = texts.as_ref().map(|texts| texts.next_test(test));
                next_tests.extend(test.filter(|test| !next_tests.contains(test)));
            }
        }
        Self {
            schema_version: SCHEMA_VERSION,
            tool: Tool {
                name: "rdpdoctor".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                engine: Engine::Portable,
            },
            verdict: verdict(comparison),
            a: RunGroup { name: names[0].to_owned(), runs: first.iter().map(entry).collect() },
            b: RunGroup { name: names[1].to_owned(), runs: second.iter().map(entry).collect() },
            differences: comparison.differences.iter().map(difference).collect(),
            findings: comparison
                .findings
                .iter()
                .map(|pointer| finding(pointer, run.as_ref()))
                .collect(),
            next_tests,
        }
    }

    /// The same with every name and address replaced, as in the documents themselves.
    ///
    /// # Errors
    /// When a document does not serialise.
    pub fn masked(mut self, runs: &[&[SavedRun]]) -> Result<Self, MaskError> {
        let mut masker = Masker::new();
        for run in runs.iter().copied().flatten() {
            masker.learn(&run.document)?;
        }
        self.each_text(|text| *text = masker.text(text));
        for entry in self.a.runs.iter_mut().chain(&mut self.b.runs) {
            entry.file = mask_file(&entry.file);
        }
        Ok(self)
    }

    /// Every text that may hold a name.
    fn each_text(&mut self, mut replace: impl FnMut(&mut String)) {
        replace(&mut self.verdict.title);
        for run in self.a.runs.iter_mut().chain(&mut self.b.runs) {
            [&mut run.file, &mut run.target, &mut run.title].into_iter().for_each(&mut replace);
        }
        for difference in &mut self.differences {
            for value in difference.a.iter_mut().chain(&mut difference.b) {
                replace(&mut value.value);
            }
        }
        for finding in &mut self.findings {
            [&mut finding.title, &mut finding.explanation].into_iter().for_each(&mut replace);
            for remedy in &mut finding.remedies {
                [&mut remedy.title, &mut remedy.interrupts, &mut remedy.verify]
                    .into_iter()
                    .for_each(&mut replace);
                remedy.steps.iter_mut().chain(&mut remedy.undo).for_each(&mut replace);
            }
        }
        for test in &mut self.next_tests {
            [&mut test.why, &mut test.command].into_iter().for_each(&mut replace);
        }
    }

    /// The comparison as indented JSON with a final line end, safe to show on a terminal.
    ///
    /// # Errors
    /// None that a comparison built here can cause; serialising is fallible by its type.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = harmless::json(&serde_json::to_string_pretty(self)?);
        text.push('\n');
        Ok(text)
    }
}

fn target(run: &SavedRun) -> Target {
    let target = &run.document.target;
    Target { input: target.input.clone(), host: target.host.clone(), port: target.port }
}

fn evidence<'a>(run: &'a SavedRun, target: &'a Target) -> Evidence<'a> {
    let target = Some(target).filter(|target| !target.host.is_empty());
    let document = &run.document;
    Evidence::new(&document.observations, target, document.started_at, Policy::default())
}

/// What the texts of the catalogue speak of.
fn context(run: &SavedRun) -> RunContext {
    let document = &run.document;
    RunContext {
        target: target(run),
        addresses: document.target.addresses.clone(),
        via: document.target.via.clone(),
        started_at: document.started_at,
        elapsed_ms: document.elapsed_ms,
        engine: document.tool.engine,
        last_stage_asked: None,
    }
}

fn verdict(comparison: &Comparison) -> ComparisonVerdict {
    let first = comparison.findings.first();
    let count = comparison.differences.iter().filter(|d| d.matters).count();
    let title = match (first, count) {
        (Some(pointer), _) => pointer.title.clone(),
        (None, 0) => "No difference that matters".to_owned(),
        (None, 1) => "One difference, and no cause follows from it".to_owned(),
        (None, count) => format!("{count} differences, and no cause follows from them"),
    };
    ComparisonVerdict {
        different: comparison.matters(),
        cause: first.map(|pointer| pointer.cause.id.to_string()),
        proof: first.map(|pointer| pointer.proof.into()),
        owner: first.map(|pointer| pointer.cause.owner.into()),
        group: first.and_then(|pointer| pointer.group).map(GroupName::from),
        title,
    }
}

fn entry(run: &SavedRun) -> RunEntry {
    let document = &run.document;
    RunEntry {
        file: run.file.clone(),
        target: document.target.input.clone(),
        started_at: document.started_at,
        status: document.verdict.status,
        cause: document.verdict.cause.clone(),
        title: document.verdict.title.clone(),
    }
}

fn difference(difference: &rdpdoctor_diagnosis::compare::Difference) -> DifferenceEntry {
    let values = |group| {
        let value = |value: &rdpdoctor_diagnosis::compare::Value| ValueEntry {
            run: value.run,
            value: value.text.clone(),
            evidence: value.evidence.clone(),
        };
        difference.of(group).iter().map(value).collect()
    };
    DifferenceEntry {
        stage: difference.stage,
        aspect: difference.aspect.clone(),
        matters: difference.matters,
        a: values(Group::First),
        b: values(Group::Second),
    }
}

fn finding(pointer: &Pointer, run: Option<&RunContext>) -> ComparisonFinding {
    let cited = |cited: &rdpdoctor_diagnosis::compare::Cited| CitedObservation {
        group: cited.group.into(),
        run: cited.run,
        id: cited.id.clone(),
    };
    ComparisonFinding {
        cause: pointer.cause.id.to_string(),
        proof: pointer.proof.into(),
        group: pointer.group.map(GroupName::from),
        title: pointer.title.clone(),
        explanation: pointer.explanation.clone(),
        aspects: pointer.aspects.clone(),
        evidence: pointer.evidence.iter().map(cited).collect(),
        remedies: run.map(|run| Texts::new(run, &[]).remedies(pointer.cause)).unwrap_or_default(),
        references: pointer.cause.references.iter().map(ToString::to_string).collect(),
    }
}
