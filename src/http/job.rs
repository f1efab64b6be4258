//! What is no GraphQL, as it is long: the data of jobs, their results, and exports. All of it is streamed, in memory that
//! does not grow with it.

use async_graphql::ID;
use axum::{
    Extension,
    body::Body,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entity::job::{Format, Mode, Model};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use super::{
    Edge,
    answer::{self, Fault},
    same_machine,
};
use crate::{
    app::App,
    bulk::{
        Refusal,
        job::{Received, import, may_import, receive, results, seen, start},
    },
    caller::Caller,
    error::{Error, RequestId},
    schema::{
        export::{file, wanted},
        value::id::{self, NodeId},
    },
};

/// What an upload says of itself in its address.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Upload {
    /// A job that waits for it.
    job: Option<String>,
    /// Or what it brings to a job that is made for it.
    noun: Option<String>,
    format: Option<String>,
    mode: Option<String>,
    #[serde(default)]
    auto_run: bool,
    reason: Option<String>,
}

/// What an export is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    format: Option<String>,
    filter: Option<String>,
}

/// What is told of a job whose data was taken; the graph tells the rest.
#[derive(Serialize)]
struct Taken {
    id: String,
    state: entity::job::State,
    rows: i64,
}

/// `POST /jobs/import`: the data of a job.
pub(super) async fn upload<E: Send + Sync + Clone + 'static>(
    State(edge): State<Edge<E>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    asked: Result<Query<Upload>, QueryRejection>,
    body: Body,
) -> Response {
    let answer = async {
        let caller = caller(&edge, &headers, &id).await?;
        let Query(asked) = asked.map_err(|rejection| Fault::bad(rejection.body_text()))?;
        let declared =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let most = edge.app.config().bulk.upload_bytes;
        if declared.is_some_and(|length| length > most) {
            return Err(told(&Error::TooLarge(most), &id));
        }
        let format = written(asked.format.as_deref(), &headers)?;
        let (app, request) = (edge.app.clone(), id.clone());
        // It ends by itself when its client leaves: half an upload is refused and told, and not left to a lease.
        let taking = edge.tasks.spawn(async move {
            let data =
                body.into_data_stream().map(|piece| piece.map_err(|_| "the data broke off".to_owned()));
            take(&app, &caller, asked, format, data).await.map_err(|error| {
                app.refused(&caller, "POST /jobs/import", &error);
                told(&error, &request)
            })
        });
        taking.await.map_err(|_| Fault::panicked(&id))?
    };
    let (job, received) = match answer.await {
        Ok(done) => done,
        Err(fault) => return fault.into_response(),
    };
    match received {
        Received::Taken(model) => {
            let taken = Taken { id: job, state: model.state, rows: model.rows };
            (StatusCode::ACCEPTED, axum::Json(taken)).into_response()
        }
        Received::Refused(refusals) => refused(&refusals).into_response(),
        Received::Broken(broken) => told(&Error::Rules(broken), &id).into_response(),
    }
}

async fn take<B: AsRef<[u8]>>(
    app: &App,
    caller: &Caller,
    asked: Upload,
    format: Option<Format>,
    data: impl futures_util::Stream<Item = Result<B, String>>,
) -> Result<(String, Received), Error> {
    let mode = asked.mode.as_deref().map(way).transpose()?;
    match (asked.job, asked.noun) {
        (Some(_), None) if mode.is_some() => {
            Err(Error::Input("a job that waits for its data has its mode; leave out `mode`".to_owned()))
        }
        (Some(job), None) => {
            let key = id::or_none(id::job(&ID(job.clone())));
            Ok((job, receive(app, caller, key, data).await?))
        }
        (None, Some(noun)) => {
            let file = file(&noun)?;
            let mode = mode.unwrap_or_default();
            may_import(caller, file, mode)?;
            let format = format.unwrap_or(Format::Csv);
            let cmd = import(caller, (file, mode), format, asked.auto_run, asked.reason);
            let (key, received) = start(app, caller, cmd, data).await?;
            Ok((NodeId::Job(key).encode().0, received))
        }
        _ => Err(Error::Input("name either `noun`, what comes, or `job`, which waits for it".to_owned())),
    }
}

/// `GET /jobs/{id}/result`: how each row ended, as JSON Lines.
pub(super) async fn result<E: Send + Sync + Clone + 'static>(
    State(edge): State<Edge<E>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    job: Result<Path<String>, PathRejection>,
) -> Response {
    let answer = async {
        let Path(job) = job.map_err(|_| Fault::path())?;
        let caller = caller(&edge, &headers, &id).await?;
        let key = id::or_none(id::job(&ID(job)));
        let found = seen(&edge.app, &caller, key).await.map_err(|error| {
            edge.app.refused(&caller, "GET /jobs/result", &error);
            told(&error, &id)
        })?;
        let Some(model) = found else { return Err(told(&Error::NotFound("such job"), &id)) };
        Ok(lines(edge.app.clone(), caller, model))
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

fn lines(app: App, caller: Caller, job: Model) -> Response {
    let pages = stream::try_unfold((app, caller, job, 0), async |(app, caller, job, after)| {
        let page = results(&app, &caller, &job, after).await?;
        Ok::<_, Error>(page.map(|(text, last)| (text, (app, caller, job, last))))
    });
    streamed(Format::JsonLines, Body::from_stream(pages))
}

/// `GET /export/{noun}`: rows as they are now, as an import reads them.
pub(super) async fn export<E: Send + Sync + Clone + 'static>(
    State(edge): State<Edge<E>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    noun: Result<Path<String>, PathRejection>,
    asked: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let answer = async {
        let Path(noun) = noun.map_err(|_| Fault::path())?;
        let caller = caller(&edge, &headers, &id).await?;
        let Query(asked) = asked.map_err(|rejection| Fault::bad(rejection.body_text()))?;
        let format = named(asked.format.as_deref())?.unwrap_or(Format::Csv);
        let told = |error: Error| {
            edge.app.refused(&caller, "GET /export", &error);
            told(&error, &id)
        };
        let conditions = edge.app.config().guard.conditions;
        let (file, filter) = wanted(&noun, asked.filter.as_deref(), conditions).map_err(told)?;
        let mut rows = crate::bulk::stream(&edge.app, &caller, file, format, filter).await.map_err(told)?;
        let rows = stream::poll_fn(move |context| rows.poll_recv(context));
        Ok(streamed(format, Body::from_stream(rows)))
    };
    answer.await.unwrap_or_else(|fault: Fault| fault.into_response())
}

fn streamed(format: Format, body: Body) -> Response {
    let kind = HeaderValue::from_static(match format {
        Format::Csv => "text/csv; charset=utf-8; header=present",
        Format::JsonLines => "application/jsonl; charset=utf-8",
    });
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (headers, body).into_response()
}

/// Who asks; strangers are turned away before their data is read.
async fn caller<E: Sync>(edge: &Edge<E>, headers: &HeaderMap, id: &RequestId) -> Result<Caller, Fault> {
    same_machine(edge, headers)?;
    edge.caller(headers, id).await
}

/// How the data is written, as its address or its type says. A browser sends neither type without asking first, so that
/// no page elsewhere can send data here.
fn written(format: Option<&str>, headers: &HeaderMap) -> Result<Option<Format>, Fault> {
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is = match essence.as_str() {
        "text/csv" => Format::Csv,
        "application/jsonl" | "application/x-ndjson" | "application/json-lines" => Format::JsonLines,
        _ => return Err(Fault::upload_type()),
    };
    match named(format)? {
        Some(said) if said != is => Err(Fault::upload_type()),
        _ => Ok(Some(is)),
    }
}

fn named(format: Option<&str>) -> Result<Option<Format>, Fault> {
    match format.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(None),
        Some("csv") => Ok(Some(Format::Csv)),
        Some("jsonl" | "json_lines" | "ndjson") => Ok(Some(Format::JsonLines)),
        Some(_) => Err(Fault::bad("`format` is csv or jsonl")),
    }
}

/// What is to be done with what rows name.
fn way(said: &str) -> Result<Mode, Error> {
    match said.to_ascii_lowercase().as_str() {
        "create" => Ok(Mode::Create),
        "update" => Ok(Mode::Update),
        "delete" => Ok(Mode::Delete),
        _ => Err(Error::Input("`mode` is create, update or delete".to_owned())),
    }
}

fn told(error: &Error, id: &RequestId) -> Fault {
    match error {
        Error::TooLarge(most) => Fault::too_large(usize::try_from(*most).unwrap_or(usize::MAX)),
        Error::Rules(broken) => {
            let errors = broken.0.iter().map(|breach| {
                let mut error = answer::error(breach.rule.code().as_str(), breach.rule.to_string());
                error.extensions.get_or_insert_default().set("rule", breach.rule.code().id());
                error
            });
            Fault::of(errors.collect())
        }
        other => Fault::of(vec![answer::refused(other, id)]),
    }
}

/// What is wrong with data as a whole, each with its line and column.
fn refused(refusals: &[Refusal]) -> Fault {
    let errors = refusals.iter().map(|refusal| {
        let mut error = answer::error(refusal.rule.as_str(), refusal.sentence.clone());
        let more = error.extensions.get_or_insert_default();
        more.set("rule", refusal.rule.id());
        if let Some(line) = refusal.line {
            more.set("line", line);
        }
        if let Some(column) = &refusal.column {
            more.set("column", column.as_str());
        }
        error
    });
    Fault::of(errors.collect())
}
