//! The three runs, through the same doors as a client's: the schema, and the data of a job.

use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Result, bail, ensure};
use async_graphql::{Executor, Request, Variables};
use entity::{
    Moment,
    job::{Format, Mode},
};
use futures_util::stream;
use roamline::{
    app::App,
    bulk::{
        File,
        job::{Received, import, start, work_off},
    },
    caller::Caller,
    config::Config,
    schema, store,
};
use serde_json::{Value, json};

use crate::{
    Args, Row,
    memory::Watch,
    place::Place,
    plain::{Plain, are_equal, written},
    say,
};

/// Rows of a job that share a transaction at most, which plain SQL gets too.
const PART: u32 = 200;
/// Rows in a piece of an upload.
const PIECE: u32 = 100;

/// What was done by Roamline, and the copies before and behind it.
struct Done {
    row: Row,
    before: String,
    after: String,
}

/// The program as a client has it.
struct Server {
    app: App,
    schema: schema::Schema,
}

impl Server {
    async fn open(url: &str) -> Result<Self> {
        let mut config = Config { no_auth: true, ..Config::default() };
        url.clone_into(&mut config.database.url);
        let clock = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Moment(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
        };
        let app = App::open(config, Arc::new(clock)).await?;
        Ok(Self { schema: schema::build(app.clone()), app })
    }

    async fn data(&self, query: &str, variables: Value) -> Result<Value> {
        let request = Request::new(query).variables(Variables::from_json(variables)).data(caller());
        let answer = self.schema.execute(request).await;
        ensure!(answer.errors.is_empty(), "{query}: {:?}", answer.errors);
        Ok(answer.data.into_json()?)
    }

    /// Sends a mutation, which no rule may refuse; answers its payload.
    async fn done(&self, name: &str, kind: &str, input: Value, select: &str) -> Result<Value> {
        let query = format!(
            "mutation($input: {kind}!) {{ {name}(input: $input) {{ errors {{ code message path }} {select} }} }}"
        );
        let mut data = self.data(&query, json!({ "input": input })).await?;
        let payload = data[name].take();
        ensure!(payload["errors"] == json!([]), "{name}: {}", payload["errors"]);
        Ok(payload)
    }

    /// Runs a job over rows that are made as they are sent.
    async fn job(&self, file: File, header: &str, rows: u32, row: impl Fn(u32) -> String) -> Result<()> {
        let caller = caller();
        let cmd = import(&caller, (file, Mode::Create), Format::Csv, true, None);
        let pieces = (0..rows.div_ceil(PIECE)).map(|piece| {
            let head = if piece == 0 { format!("{header}\n") } else { String::new() };
            Ok(head + &(piece * PIECE..rows.min((piece + 1) * PIECE)).map(&row).collect::<String>())
        });
        let (id, received) = start(&self.app, &caller, cmd, stream::iter(pieces)).await?;
        let Received::Taken(_) = received else { bail!("the data was refused: {received:?}") };
        while work_off(&self.app).await? > 0 {}
        let job = self.app.job(id).await?;
        let done = job.as_ref().map(|job| (job.done, job.failed));
        ensure!(done == Some((i64::from(rows), 0)), "of {rows} rows: {job:?}");
        Ok(())
    }
}

fn caller() -> Caller {
    Caller::administrator("provisioning")
}

/// Where users are added.
struct Site {
    customer: Value,
    cluster: Value,
    path: String,
    cluster_name: String,
}

pub async fn measure(args: &Args, place: &mut Place) -> Result<Vec<Row>> {
    let url = place.make().await?;
    let site = prepare(args, place, &url).await?;
    let mut done = vec![quick_add(args, place, &url, &site).await?];
    done.push(delete(args, place, &url).await?);
    done.push(resync(args, place, &url, &site).await?);
    let mut rows = Vec::new();
    for Done { mut row, before, after } in done {
        let (mut plain, mut after) = (Plain::open(&before).await?, Plain::open(&after).await?);
        let writes = written(&mut plain, &mut after).await?;
        row.rows = writes.len();
        let transactions = usize::try_from(row.units.div_ceil(PART))?;
        row.plain = plain.write(&writes, transactions).await?;
        ensure!(are_equal(&mut plain, &mut after).await?, "plain SQL left something else");
        say(&row.to_string());
        rows.push(row);
    }
    Ok(rows)
}

/// An estate, a Quick Add group with numbers, and a phone service.
async fn prepare(args: &Args, place: &Place, url: &str) -> Result<Site> {
    let profiles = profile_of(args.subscriptions) + CUSTOMER;
    say(&format!("{}: an estate of {profiles} profiles", place.name()));
    let server = Server::open(url).await?;
    let estate = store::Estate { profiles, seed: args.seed };
    server.app.generate(&caller(), estate, |_| {}).await?;
    let found = server
        .data(
            "{ organizations(first: 1, filter: {kinds: [SITE]}, orderBy: {field: PATH}) { nodes { path parent { id } } } \
               clusters(filter: {name: {equals: \"emea\"}}) { nodes { id name } } }",
            json!({}),
        )
        .await?;
    let (site, cluster) = (&found["organizations"]["nodes"][0], &found["clusters"]["nodes"][0]);
    let site = Site {
        customer: site["parent"]["id"].clone(),
        cluster: cluster["id"].clone(),
        path: site["path"].as_str().unwrap_or_default().to_owned(),
        cluster_name: cluster["name"].as_str().unwrap_or_default().to_owned(),
    };
    let group = json!({
        "organizationId": site.customer, "clusterId": site.cluster, "name": "Desk", "product": "Cisco 8841", "line": {"partition": "pool"},
    });
    server.done("createQuickAddGroup", "CreateQuickAddGroupInput", group, "group { id }").await?;
    for thousand in 0..args.users.div_ceil(1_000) {
        let numbers = json!({
            "organizationId": site.customer, "clusterId": site.cluster, "partition": "pool",
            "first": format!("7{thousand:02}000"), "last": format!("7{thousand:02}999"),
        });
        server.done("createNumbers", "CreateNumbersInput", numbers, "cursor").await?;
    }
    Ok(site)
}

/// Does something on the database, with a copy before and one behind it.
async fn beside(
    place: &mut Place,
    url: &str,
    (what, units): (&'static str, u32),
    run: impl AsyncFnOnce(&Server) -> Result<()>,
) -> Result<Done> {
    let before = place.copy().await?;
    let server = Server::open(url).await?;
    // The first statements of a connection are prepared, whatever comes.
    server.data("{ service { version } }", json!({})).await?;
    let statements = server.app.statements();
    let (watch, began) = (Watch::start(), Instant::now());
    run(&server).await?;
    let (ours, peaks) = (began.elapsed(), watch.end());
    let statements = server.app.statements() - statements;
    drop(server);
    say(&format!("{}: {what}: {units} in {:.1} s", place.name(), ours.as_secs_f64()));
    let after = place.copy().await?;
    let row = Row { database: place.name(), what, units, statements, ours, peaks, rows: 0, plain: ours };
    Ok(Done { row, before, after })
}

async fn quick_add(args: &Args, place: &mut Place, url: &str, site: &Site) -> Result<Done> {
    let (users, path) = (args.users, &site.path);
    beside(
        place,
        url,
        ("Quick Add of users by a job, uploaded, with the next number each", users),
        async |server| {
            let row = |n| format!("Desk,{path},quick{n:06},Quick,Add\n");
            server.job(File::QuickAdds, "group,organization,userId,firstName,lastName", users, row).await
        },
    )
    .await
}

async fn delete(args: &Args, place: &mut Place, url: &str) -> Result<Done> {
    let server = Server::open(url).await?;
    let mut ids = Vec::new();
    let mut after = Value::Null;
    while ids.len() < usize::try_from(args.deletions)? {
        let query = "query($after: String) { profiles(first: 200, after: $after, filter: {name: {startsWith: \"EM_quick\"}}) \
                     { nodes { id } pageInfo { endCursor } } }";
        let page = server.data(query, json!({ "after": after })).await?["profiles"].take();
        let Some(nodes) = page["nodes"].as_array().filter(|nodes| !nodes.is_empty()) else {
            bail!("too few profiles")
        };
        ids.extend(nodes.iter().map(|node| json!({ "id": node["id"] })));
        after = page["pageInfo"]["endCursor"].clone();
    }
    ids.truncate(usize::try_from(args.deletions)?);
    drop(server);
    beside(place, url, ("deletion of profiles, 1,000 a call", args.deletions), async |server| {
        for items in ids.chunks(1_000) {
            let input = json!({ "items": items, "policy": "EACH" });
            let payload = server.done("deleteProfiles", "DeleteProfilesInput", input, "done refused").await?;
            ensure!(payload["refused"] == json!(0), "{payload}");
        }
        Ok(())
    })
    .await
}

async fn resync(args: &Args, place: &mut Place, url: &str, site: &Site) -> Result<Done> {
    let server = Server::open(url).await?;
    let service = json!({
        "clusterId": site.cluster, "name": "Directory", "url": "http://directory.example.com/search",
        "parameters": [{"name": "q", "displayName": "Query", "required": true}],
    });
    let service = server.done("createService", "CreateServiceInput", service, "service { id }").await?;
    let id = service["service"]["id"].clone();
    let name = &site.cluster_name;
    let began = Instant::now();
    let row = |n| {
        let profile = profile_of(n);
        format!(
            "{name},EM_user{profile:07},Directory,\"[{{\"\"name\"\":\"\"q\"\",\"\"value\"\":\"\"{n}\"\"}}]\"\n"
        )
    };
    server.job(File::ServiceSubscriptions, "cluster,device,service,values", args.subscriptions, row).await?;
    say(&format!("subscribed by a job in {:.1} s", began.elapsed().as_secs_f64()));
    let update = json!({ "id": id, "url": "http://directory.example.com/find" });
    server.done("updateService", "UpdateServiceInput", update, "stale").await?;
    drop(server);
    beside(place, url, ("resync of a service's subscriptions", args.subscriptions), async |server| {
        let mut derived = 0;
        loop {
            let input = json!({ "serviceId": id, "most": 10_000 });
            let select = "derived more";
            let told = server
                .done("resyncServiceSubscriptions", "ResyncServiceSubscriptionsInput", input, select)
                .await?;
            derived += told["derived"].as_u64().unwrap_or(0);
            if told["more"] != json!(true) {
                break;
            }
        }
        ensure!(derived == u64::from(args.subscriptions), "{derived} were derived");
        Ok(())
    })
    .await
}

/// Profiles of a generated customer; the customers' clusters take turns.
const CUSTOMER: u32 = 5_000;

/// The number of a generated profile that is on the first cluster.
const fn profile_of(n: u32) -> u32 {
    n / CUSTOMER * 2 * CUSTOMER + n % CUSTOMER
}
