//! Random histories, told to the server and to a model that shares nothing with it: after each step both refuse for
//! the same reasons, and a client reads from the server exactly what the model says.

mod bulk;
mod button;
mod cluster;
mod device;
mod history;
mod line;
mod number;
mod organization;
mod orphan;
mod phone;
mod profile;
mod quick_add;
mod restore;
mod role;
mod server;
mod service;
mod session;
mod step;
mod template;
mod user;
mod world;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::json;

use crate::{
    chance,
    roamline::{Estate, Roamline},
};
use history::Undo;
use server::{Ask, Ids, Server};
use step::{REGISTERED, Step, steps};
use world::World;

/// Mutations without a step of their own, and why.
const WITHOUT: [(&str, &str); 4] = [
    ("startImport", "an import is posted with its data, which starts the same job"),
    ("runJob", "the import that is posted runs by itself"),
    ("cancelJob", "what a job has done by then is a matter of time; its stories are told in job.rs"),
    ("retryJob", "what was refused once is refused again; its stories are told in job.rs"),
];

/// What both have been told.
struct Told {
    world: World,
    ids: Ids,
    /// The newest change.
    newest: Option<String>,
    steps: Vec<Step>,
    refused: usize,
    /// How many changes were taken back.
    reverted: usize,
}

impl Told {
    /// Tells one history to both.
    async fn live(&mut self, server: &Server, history: Vec<Step>) {
        self.ids = server.read(&self.ids).await.1;
        for step in history {
            let step = self.world.aimed(step);
            let newest = self.newest.as_deref().filter(|_| !matches!(self.world.undo, Undo::Unknown));
            let said = server.step(&step, &self.ids, newest).await;
            let before = self.world.clone();
            let should = self.world.step(&step);
            self.steps.push(step.clone());
            assert_eq!(said.told, should, "{self}\nbefore: {:#}", before.shown());
            match said.changes {
                0 if !matches!(step, Step::Pass(_) | Step::Bulk(_)) => {}
                1 => self.world.undo = Undo::of(&step, before, &self.world),
                _ => self.world.undo = Undo::Unknown,
            }
            self.newest = said.newest.or(self.newest.take());
            let (shown, now) = server.read(&self.ids).await;
            let should_show = self.world.shown();
            assert!(shown == should_show, "{self}\nis {shown:#}\nand should be {should_show:#}");
            self.ids = now;
            self.reverted +=
                usize::from(should.is_empty() && matches!(self.steps.last(), Some(Step::Revert)));
            self.refused += usize::from(should.iter().any(|told| !told.starts_with('~')));
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().zip(1..).try_for_each(|(step, at)| writeln!(f, "{at} {step:?}"))
    }
}

async fn agree(node: Roamline, cases: u32) {
    let node = Arc::new(node);
    let (estate, admin) = (node.estate().await, node.admin());
    let input = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "name": REGISTERED});
    admin.done("registerDevice", input, "").await;
    let server = Arc::new(Server { admin, estate, node: node.clone() });
    let (runtime, shared) = (tokio::runtime::Handle::current(), server.clone());
    let told = tokio::task::spawn_blocking(move || {
        // One world for all histories, as it cannot be emptied: what came before entangles what comes.
        let told = Mutex::new(Told {
            world: World::new(),
            ids: Ids::new(),
            newest: None,
            steps: Vec::new(),
            refused: 0,
            reverted: 0,
        });
        let ran = chance::runner(cases).run(&steps(40), |history| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            runtime.block_on(told.live(&shared, history));
            Ok(())
        });
        ran.expect("both agree");
        told.into_inner().unwrap_or_else(PoisonError::into_inner)
    });
    let told = told.await.expect("ran");
    // A model that refused everything would agree with a server that refuses everything.
    let done = told.steps.len() - told.refused;
    assert!(done.min(told.refused) > 50, "{done} done and {} refused", told.refused);
    assert!(told.reverted > 3, "{} taken back", told.reverted);
    drop(server);
    Arc::into_inner(node).expect("nobody else").close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_agrees_with_the_model_on_sqlite() {
    agree(Roamline::sqlite().await, 25).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_agrees_with_the_model_on_postgresql() {
    if let Some(server) = Roamline::postgres().await {
        agree(server, 15).await;
    }
}

/// Whoever adds a mutation adds a step, or says why there is none.
#[test]
fn every_mutation_is_a_step_of_the_model() {
    let schema = include_str!("../../schema.graphql");
    let (_, mutations) = schema.split_once("\ntype Mutation {\n").expect("mutations");
    let (mutations, _) = mutations.split_once("\n}\n").expect("the end of the mutations");
    // Arguments and what is said of them stand further in, or have no parenthesis.
    let field = |line: &'static str| line.strip_prefix('\t')?.strip_suffix('(');
    let there: BTreeSet<_> =
        mutations.lines().filter_map(field).filter(|name| !name.starts_with('\t')).collect();

    let [acme, north, berlin, paris, south, rome, emea] = [const { String::new() }; 7];
    let estate = Estate { acme, north, berlin, paris, south, rome, emea };
    let ask = Ask { estate: &estate, ids: &Ids::new(), newest: None };
    let mut runner = TestRunner::deterministic();
    let drawn = steps(20_000).new_tree(&mut runner).expect("steps").current();
    let asked =
        drawn.iter().filter(|step| !matches!(step, Step::Pass(_) | Step::Bulk(bulk::Step::Import { .. })));
    let asked: BTreeSet<_> = asked.map(|step| ask.request(step).0).collect();
    let without: BTreeSet<_> = WITHOUT.iter().map(|(mutation, _)| *mutation).collect();
    let known: BTreeSet<_> = asked.union(&without).copied().collect();
    let differ: Vec<_> = there.symmetric_difference(&known).collect();
    assert!(differ.is_empty(), "{differ:?} are neither steps nor have a reason, or are no mutations");
    assert!(asked.is_disjoint(&without), "a step needs no reason for being none");
}
