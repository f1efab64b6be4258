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
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;

use crate::roamline::Roamline;
use history::Undo;
use server::{Ids, Server};
use step::{REGISTERED, Step, steps};
use world::World;

/// What both have been told.
struct Told {
    world: World,
    ids: Ids,
    /// The newest change.
    newest: Option<String>,
    steps: Vec<Step>,
    refused: usize,
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
        });
        let config = ProptestConfig {
            cases,
            max_shrink_iters: 0,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let ran = TestRunner::new(config).run(&steps(40), |history| {
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
