//! Export: one moment of the estate, as far as the caller sees it, in an order that follows from the names alone. So
//! two databases that hold the same give the same files.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File as Output},
    io::BufWriter,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use entity::{
    ClusterId, DeviceId, Moment, OrganizationId, UserId, button::Kind, job::Format, line_appearance::Role,
    service::Parameter,
};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::{
    column::{File, GroupService},
    import::noun,
    names::camel,
    written,
};
use crate::{
    app::App,
    caller::{Action, Caller, Right, Scope},
    error::Error,
    rule::service::ParameterFields,
    store::{
        Answer, DatabaseBackend, DbErr, Snapshot, Source, Statement, button, cluster, default_device_profile,
        device, line, number, organization,
        page::{Filter, Key, Order, Page, Relation, Slice, by_ids, children, children_where, count, page},
        phone, profile, quick_add,
        row::{self, Columns, Row as _, bit},
        service, service_subscription, session, template, user,
    },
};

/// Microseconds of a minute.
const MINUTE: i64 = 60_000_000;
/// Rows of one statement.
const PAGE: u32 = 1_000;

/// What was written.
#[derive(Clone, Debug, Default)]
pub struct Exported {
    /// Rows of each file.
    pub files: Vec<(File, u64)>,
    /// What an import of the files would not bring back as it is.
    pub notes: Vec<String>,
}

/// Writes the estate to a folder. `progress` is told how many rows more are done, of how many in all.
pub async fn export(
    app: &App,
    caller: &Caller,
    folder: &Path,
    progress: impl FnMut(u64, u64) + Send,
) -> Result<Exported, Error> {
    fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    let snapshot = app.snapshot().await?;
    let source = Paced { snapshot: &snapshot, outlet: None, filter: OnceLock::new(), own: None };
    let mut export = Export {
        source: &source,
        scope: caller.scope,
        now: app.now(),
        paths: HashMap::new(),
        clusters: Vec::new(),
        exported: Exported::default(),
        progress,
        total: 0,
    };
    export.total = export.count().await?;
    export.learn().await?;
    let mut written = Vec::with_capacity(File::ALL.len());
    for file in File::ALL {
        let mut sheet = Sheet::create(folder, file)?;
        export.write(&mut sheet).await?;
        written.push(sheet);
    }
    // Only now, so that a failure before leaves the files of an earlier export as they were.
    let mut exported = export.exported;
    for sheet in written {
        exported.notes.extend(sheet.publish()?);
    }
    Ok(exported)
}

/// Rows of a file on their way to whoever asked for them.
pub type Told = mpsc::Receiver<Result<Vec<u8>, Error>>;

/// Bytes that wait to be taken before more is read.
const WAITING: usize = 64 * 1024;

/// Tells the rows of one file that a filter lets pass: those of one moment, page by page, no faster than they are taken.
/// Of rows that join two things and are none themselves (the users of a profile), the filter is about the first of them.
pub async fn stream(
    app: &App,
    caller: &Caller,
    file: File,
    format: Format,
    filter: Filter,
) -> Result<Told, Error> {
    let right = Right::To(Action::Export, noun(file));
    if !caller.may(right) {
        return Err(Error::Denied(right));
    }
    let snapshot = app.snapshot().await?;
    let (sender, told) = mpsc::channel(1);
    let (scope, now) = (caller.scope, app.now());
    let most = Duration::from_secs(app.config().bulk.export_secs);
    tokio::spawn(async move {
        let outlet = Arc::new(Outlet { format, buffer: Mutex::default(), sender: sender.clone() });
        // What is too late, failed or no longer listened to lets go of the snapshot.
        let ended = tokio::time::timeout(most, tell(&snapshot, (scope, now), file, filter, &outlet)).await;
        drop(snapshot);
        let late = || Err(Error::Timeout(u64::try_from(most.as_millis()).unwrap_or(u64::MAX)));
        if let Err(error) = ended.unwrap_or_else(|_| late()) {
            let _gone = sender.send(Err(error)).await;
        }
    });
    Ok(told)
}

async fn tell(
    snapshot: &Snapshot,
    (scope, now): (Scope, Moment),
    file: File,
    filter: Filter,
    outlet: &Arc<Outlet>,
) -> Result<(), Error> {
    let own = hangs(file);
    let source =
        Paced { snapshot, outlet: Some(outlet), filter: OnceLock::new(), own: own.then_some(&filter) };
    let mut export = Export {
        source: &source,
        scope,
        now,
        paths: HashMap::new(),
        clusters: Vec::new(),
        exported: Exported::default(),
        progress: |_, _| {},
        total: 0,
    };
    export.learn().await?;
    // Only what is told is filtered, not what it takes to tell it.
    if !own {
        let _first = source.filter.set(filter.clone());
    }
    let mut sheet = Sheet { file, rows: 0, to: To::Outlet(outlet.clone()) };
    if outlet.format == Format::Csv {
        outlet.csv(file.columns().iter().map(|column| column.name))?;
    }
    export.write(&mut sheet).await?;
    outlet.give(0).await?;
    Ok(())
}

/// Whether the rows of a file are found below others, device by device or line by line, so that a filter is not about
/// what is walked along.
fn hangs(file: File) -> bool {
    matches!(file, File::Appearances | File::Buttons | File::ServiceSubscriptions | File::Sessions)
}

/// A snapshot that is read no faster than its rows are taken, and of which a filter may let only some pass.
struct Paced<'a> {
    snapshot: &'a Snapshot,
    outlet: Option<&'a Arc<Outlet>>,
    filter: OnceLock<Filter>,
    /// The filter of rows that are found below others.
    own: Option<&'a Filter>,
}

impl Source for Paced<'_> {
    fn backend(&self) -> DatabaseBackend {
        self.snapshot.backend()
    }

    fn now(&self) -> Option<Moment> {
        self.snapshot.now()
    }

    async fn rows(&self, statement: Statement) -> Result<Vec<Answer>, DbErr> {
        if let Some(outlet) = self.outlet {
            outlet.give(WAITING).await.map_err(|error| DbErr::Custom(error.to_string()))?;
        }
        self.snapshot.rows(statement).await
    }
}

/// Rows that wait to be taken.
struct Outlet {
    format: Format,
    buffer: Mutex<Vec<u8>>,
    sender: mpsc::Sender<Result<Vec<u8>, Error>>,
}

impl Outlet {
    fn buffer(&self) -> MutexGuard<'_, Vec<u8>> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what waits, where it is more than so many bytes, and waits until somebody takes it.
    async fn give(&self, most: usize) -> Result<(), Error> {
        let waiting = {
            let mut buffer = self.buffer();
            if buffer.len() <= most {
                return Ok(());
            }
            std::mem::take(&mut *buffer)
        };
        let gone = |_| Error::Input("nobody takes the export any more".to_owned());
        self.sender.send(Ok(waiting)).await.map_err(gone)
    }

    fn csv<T: AsRef<[u8]>>(&self, cells: impl Iterator<Item = T>) -> Result<(), Error> {
        let mut csv = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .buffer_capacity(1_024)
            .from_writer(Vec::new());
        csv.write_record(cells).map_err(Error::internal)?;
        let row = csv.into_inner().map_err(|error| Error::internal(error.into_error()))?;
        self.buffer().extend(row);
        Ok(())
    }

    fn json(&self, file: File, values: &Map<String, Value>) -> Result<(), Error> {
        let columns = file.columns().iter();
        let said = columns.map(|column| (column.name.to_owned(), values.get(column.name).map(shown).into()));
        let mut buffer = self.buffer();
        serde_json::to_writer(&mut *buffer, &said.collect::<Map<_, Value>>()).map_err(Error::internal)?;
        buffer.push(b'\n');
        Ok(())
    }
}

fn cannot(path: &Path, error: &impl std::fmt::Display) -> Error {
    Error::Input(format!("cannot write {}: {error}", path.display()))
}

/// The rows of a file in the making.
struct Sheet {
    file: File,
    rows: u64,
    to: To,
}

/// Where rows go.
enum To {
    Folder(Box<Part>),
    Outlet(Arc<Outlet>),
}

/// A file in the making, under another name. It goes away unless it is published.
struct Part {
    name: PathBuf,
    temporary: PathBuf,
    /// None once it is published.
    csv: Option<csv::Writer<BufWriter<Output>>>,
    /// What an import of it would not bring back as it is.
    notes: Vec<String>,
}

impl Sheet {
    fn create(folder: &Path, file: File) -> Result<Self, Error> {
        let name = folder.join(file.name());
        let temporary = folder.join(format!(".{}.part", file.name()));
        let output = Output::create(&temporary).map_err(|error| cannot(&temporary, &error))?;
        let mut csv =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(BufWriter::new(output));
        let header = csv.write_record(file.columns().iter().map(|column| column.name));
        let part = Part { name, temporary, csv: Some(csv), notes: Vec::new() };
        header.map_err(|error| cannot(&part.temporary, &error))?;
        Ok(Self { file, rows: 0, to: To::Folder(Box::new(part)) })
    }

    fn row(&mut self, values: &Map<String, Value>) -> Result<(), Error> {
        let columns = self.file.columns();
        let cells = columns.iter().map(|column| values.get(column.name).map(cell).unwrap_or_default());
        match &mut self.to {
            To::Folder(part) => {
                if let Some(csv) = &mut part.csv {
                    csv.write_record(cells).map_err(|error| cannot(&part.temporary, &error))?;
                }
            }
            To::Outlet(outlet) if outlet.format == Format::Csv => outlet.csv(cells)?,
            To::Outlet(outlet) => outlet.json(self.file, values)?,
        }
        self.rows += 1;
        Ok(())
    }

    /// Notes about the next row what an import would not bring back as it is. Whoever reads a stream is told none, and
    /// none is kept for them.
    fn note(&mut self, text: impl FnOnce() -> String) {
        if let To::Folder(part) = &mut self.to {
            part.notes.push(format!("{}:{}: {}", self.file.name(), self.rows + 2, text()));
        }
    }

    /// Puts the file in the place of an older one, once it is safe on the disk; answers what was noted.
    fn publish(self) -> Result<Vec<String>, Error> {
        match self.to {
            To::Folder(part) => part.publish(),
            To::Outlet(_) => Ok(Vec::new()),
        }
    }
}

impl Part {
    fn publish(mut self) -> Result<Vec<String>, Error> {
        if let Some(csv) = self.csv.take() {
            let done = csv
                .into_inner()
                .map_err(csv::IntoInnerError::into_error)
                .and_then(|buffer| buffer.into_inner().map_err(std::io::IntoInnerError::into_error))
                .and_then(|output| output.sync_all())
                .and_then(|()| fs::rename(&self.temporary, &self.name));
            done.map_err(|error| {
                drop(fs::remove_file(&self.temporary));
                cannot(&self.name, &error)
            })?;
        }
        Ok(std::mem::take(&mut self.notes))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.csv.take().is_some() {
            drop(fs::remove_file(&self.temporary));
        }
    }
}

/// A value as a cell: texts as they are, lists and objects as JSON with the names of the API.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => String::new(),
        Value::Array(_) | Value::Object(_) => shown(value).to_string(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn shown(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(shown).collect(),
        Value::Object(fields) => {
            let said = fields.iter().filter(|(_, value)| !value.is_null());
            said.map(|(name, value)| (camel(name), shown(value))).collect()
        }
        other => other.clone(),
    }
}

/// The cells of a row, by column.
#[derive(Default)]
struct Cells(Map<String, Value>);

impl Cells {
    fn set(&mut self, column: &str, value: impl Serialize) -> Result<(), Error> {
        let value = serde_json::to_value(value).map_err(Error::internal)?;
        self.0.insert(column.to_owned(), value);
        Ok(())
    }

    fn settings(&mut self, settings: &impl Serialize) -> Result<(), Error> {
        if let Value::Object(fields) = serde_json::to_value(settings).map_err(Error::internal)? {
            self.0.extend(fields.into_iter().map(|(name, value)| (camel(&name), value)));
        }
        Ok(())
    }
}

struct Export<'a, P> {
    source: &'a Paced<'a>,
    scope: Scope,
    now: Moment,
    /// Paths of the organizations.
    paths: HashMap<OrganizationId, String>,
    /// The clusters in their order, each with what it is called in a cell.
    clusters: Vec<(cluster::Row, String)>,
    exported: Exported,
    progress: P,
    total: u64,
}

impl<P: FnMut(u64, u64) + Send> Export<'_, P> {
    /// How many things there are. Associations are not counted, as they come along with what they join.
    async fn count(&self) -> Result<u64, Error> {
        let (source, scope, all) = (self.source, self.scope, Filter::All(Vec::new()));
        let others = Filter::Is("t.kind", "OTHER".to_owned());
        let counts = [
            count::<organization::Row>(source, scope, &all).await?,
            count::<cluster::Row>(source, scope, &all).await?,
            count::<device::Row>(source, scope, &others).await?,
            count::<user::Row>(source, scope, &all).await?,
            count::<profile::Row>(source, scope, &all).await?,
            count::<phone::Row>(source, scope, &all).await?,
            count::<line::Row>(source, scope, &all).await?,
            count::<number::Row>(source, scope, &all).await?,
        ];
        Ok(counts.into_iter().filter_map(|count| u64::try_from(count).ok()).sum())
    }

    /// Learns what organizations and clusters are called.
    async fn learn(&mut self) -> Result<(), Error> {
        let mut pages = Pages::new(organization::BY_PATH, Filter::All(Vec::new()));
        while let Some(rows) = pages.next::<organization::Row>(self.source, self.scope).await? {
            for row in rows {
                self.paths.insert(*row.id.get()?, row.path.get()?.clone());
            }
        }
        let mut rows = Vec::new();
        let mut pages = Pages::new(cluster::BY_NAME, Filter::All(Vec::new()));
        while let Some(page) = pages.next::<cluster::Row>(self.source, self.scope).await? {
            for row in page {
                let path = self.path(*row.organization_id.get()?);
                rows.push((path.to_lowercase(), row.name_key.get()?.clone(), row));
            }
        }
        rows.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let mut names: HashMap<String, u32> = HashMap::new();
        for (_, name, _) in &rows {
            *names.entry(name.clone()).or_default() += 1;
        }
        for (_, key, row) in rows {
            let name = row.name.get()?.clone();
            let path = self.path(*row.organization_id.get()?);
            let called =
                if names.get(&key) == Some(&1) || path.is_empty() { name } else { format!("{path}.{name}") };
            self.clusters.push((row, called));
        }
        Ok(())
    }

    fn path(&self, id: OrganizationId) -> String {
        self.paths.get(&id).cloned().unwrap_or_default()
    }

    async fn write(&mut self, sheet: &mut Sheet) -> Result<(), Error> {
        let file = sheet.file;
        match file {
            File::Organizations => self.organizations(sheet).await?,
            File::Clusters => self.write_clusters(sheet).await?,
            File::QuickAddGroups => self.quick_add_groups(sheet).await?,
            File::QuickAdds => {}
            _ => {
                for at in 0..self.clusters.len() {
                    let (row, called) = &self.clusters[at];
                    let (id, called) = (*row.id.get()?, called.clone());
                    match file {
                        File::Organizations | File::Clusters | File::QuickAddGroups | File::QuickAdds => {}
                        File::Devices => self.devices(sheet, id, &called).await?,
                        File::Users => self.users(sheet, id, &called).await?,
                        File::Profiles => self.profiles(sheet, id, &called).await?,
                        File::ProfileUsers => self.profile_users(sheet, id, &called).await?,
                        File::Phones => self.phones(sheet, id, &called).await?,
                        File::Lines => self.lines(sheet, id, &called).await?,
                        File::Appearances => self.appearances(sheet, id, &called).await?,
                        File::UserPhones => {
                            self.controlled::<phone::Row>(sheet, id, &called, phone::OF_USER).await?;
                        }
                        File::UserCtiProfiles => {
                            self.controlled::<profile::Row>(sheet, id, &called, profile::CTI_OF_USER).await?;
                        }
                        File::Buttons => self.buttons(sheet, id, &called).await?,
                        File::Templates => self.templates(sheet, id, &called).await?,
                        File::Services => self.services(sheet, id, &called).await?,
                        File::ServiceSubscriptions => {
                            self.subscriptions(sheet, id, &called).await?;
                        }
                        File::Numbers => self.inventory(sheet, id, &called).await?,
                        File::DefaultDeviceProfiles => {
                            self.default_device_profiles(sheet, id, &called).await?;
                        }
                        File::Sessions => self.sessions(sheet, id, &called).await?,
                    }
                }
            }
        }
        self.exported.files.push((file, sheet.rows));
        Ok(())
    }

    fn advance(&mut self) {
        (self.progress)(1, self.total);
    }

    async fn organizations(&mut self, sheet: &mut Sheet) -> Result<(), Error> {
        let mut pages = Pages::new(organization::BY_PATH, Filter::All(Vec::new()));
        while let Some(rows) = pages.next::<organization::Row>(self.source, self.scope).await? {
            for row in rows {
                let mut cells = Cells::default();
                cells.set("path", row.path.get()?)?;
                cells.set("kind", row.kind.get()?)?;
                cells.set("coolingDays", row.cooling_days.get()?)?;
                cells.set("maxProfilesPerUser", row.max_profiles_per_user.get()?)?;
                cells.set("numberManagement", row.number_management.get()?)?;
                cells.set("uniqueNumbers", row.unique_numbers.get()?)?;
                if let Some(left) = row.line_delete_preferences.get()? {
                    cells.set("deleteUnusedLines", left.delete_unused)?;
                    if let Some(template) = &left.template {
                        cells.set("leftLineDescription", &template.description)?;
                        cells
                            .set("leftLineSettings", Some(&template.settings).filter(|it| !it.is_empty()))?;
                    }
                }
                sheet.row(&cells.0)?;
                self.advance();
            }
        }
        Ok(())
    }

    async fn write_clusters(&mut self, sheet: &mut Sheet) -> Result<(), Error> {
        let mut asked = HashSet::new();
        let mut pages = Pages::new(cluster::BY_NAME, Filter::All(Vec::new()));
        while let Some(rows) = pages.next::<cluster::Row>(self.source, self.scope).await? {
            asked.extend(ids(&rows)?);
        }
        for at in 0..self.clusters.len() {
            let row = &self.clusters[at].0;
            let path = self.path(*row.organization_id.get()?);
            // One that only serves the caller's subtree from above is not the caller's to write.
            if !path.is_empty() && asked.contains(&row.id.get()?.0) {
                let mut cells = Cells::default();
                cells.set("organization", path)?;
                cells.set("name", row.name.get()?)?;
                cells.set("description", row.description.get()?)?;
                cells.set("release", row.release.get()?)?;
                cells.set("multipleLogin", row.multiple_login.get()?)?;
                cells.set("maxLoginMinutes", row.max_login_minutes.get()?)?;
                cells.set("maxConcurrentLogins", row.max_concurrent_logins.get()?)?;
                sheet.row(&cells.0)?;
            }
            self.advance();
        }
        Ok(())
    }

    async fn devices(&mut self, sheet: &mut Sheet, cluster: ClusterId, called: &str) -> Result<(), Error> {
        let others = Filter::All(vec![on(cluster), Filter::Is("t.kind", "OTHER".to_owned())]);
        let mut pages = Pages::new(device::BY_NAME, others);
        while let Some(rows) = pages.next::<device::Row>(self.source, self.scope).await? {
            for row in rows {
                let mut cells = Cells::default();
                cells.set("cluster", called)?;
                cells.set("name", row.name.get()?)?;
                cells.set("organization", self.path(*row.organization_id.get()?))?;
                cells.set("description", row.description.get()?)?;
                sheet.row(&cells.0)?;
                self.advance();
            }
        }
        Ok(())
    }

    async fn users(&mut self, sheet: &mut Sheet, cluster: ClusterId, called: &str) -> Result<(), Error> {
        let mut pages = Pages::new(user::BY_USER_ID, on(cluster));
        while let Some(rows) = pages.next::<user::Row>(self.source, self.scope).await? {
            let mut profiles = Vec::new();
            for row in &rows {
                profiles.extend(*row.default_profile_id.get()?);
            }
            let profiles = self.device_names(&profiles).await?;
            for row in rows {
                let mut cells = Cells::default();
                cells.set("cluster", called)?;
                cells.set("userId", row.user_id.get()?)?;
                cells.set("organization", self.path(*row.organization_id.get()?))?;
                cells.set("firstName", row.first_name.get()?)?;
                cells.set("lastName", row.last_name.get()?)?;
                cells.set("displayName", row.display_name.get()?)?;
                cells.set("email", row.email.get()?)?;
                cells.set("department", row.department.get()?)?;
                cells.set("userLocale", row.user_locale.get()?)?;
                cells.set("maxLoginMinutes", row.max_login_minutes.get()?)?;
                cells.set("crossCluster", row.cross_cluster.get()?)?;
                cells.set("homeCluster", row.home_cluster.get()?)?;
                cells.set("primaryPattern", row.primary_pattern.get()?)?;
                cells.set("primaryPartition", row.primary_partition.get()?)?;
                let default = row.default_profile_id.get()?.and_then(|id| profiles.get(&id));
                cells.set("defaultProfile", default)?;
                sheet.row(&cells.0)?;
                self.advance();
            }
        }
        Ok(())
    }

    async fn profiles(&mut self, sheet: &mut Sheet, cluster: ClusterId, called: &str) -> Result<(), Error> {
        let mut pages = Pages::new(profile::BY_NAME, on(cluster));
        while let Some(rows) = pages.next::<profile::Row>(self.source, self.scope).await? {
            let mut users = Vec::new();
            for row in &rows {
                users.extend(*row.login_user_id.get()?);
            }
            let users = self.user_ids(&users).await?;
            for row in rows {
                let mut cells = Cells::default();
                cells.set("cluster", called)?;
                cells.set("name", row.name.get()?)?;
                cells.set("organization", self.path(*row.organization_id.get()?))?;
                cells.set("description", row.description.get()?)?;
                cells.set("product", row.product.get()?)?;
                cells.set("protocol", row.protocol.get()?)?;
                cells.set("buttonTemplate", row.button_template.get()?)?;
                cells.set("softkeyTemplate", row.softkey_template.get()?)?;
                cells.set("loginUser", row.login_user_id.get()?.and_then(|id| users.get(&id)))?;
                cells.settings(row.settings.get()?)?;
                sheet.row(&cells.0)?;
                self.advance();
            }
        }
        Ok(())
    }

    async fn profile_users(
        &mut self,
        sheet: &mut Sheet,
        cluster: ClusterId,
        called: &str,
    ) -> Result<(), Error> {
        let mut pages = Pages::new(profile::BY_NAME, on(cluster));
        while let Some(rows) = pages.next::<profile::Row>(self.source, self.scope).await? {
            let mut users = self.below::<user::Row>(user::OF_PROFILE, &ids(&rows)?).await?;
            for row in rows {
                let served = users.remove(&row.id.get()?.0).unwrap_or_default();
                // Counted anew, as users that the caller does not see leave gaps.
                for (position, (user, _)) in (1_i32..).zip(served.rows) {
                    let mut cells = Cells::default();
                    cells.set("cluster", called)?;
                    cells.set("profile", row.name.get()?)?;
                    cells.set("user", user.user_id.get()?)?;
                    cells.set("position", position)?;
                    sheet.row(&cells.0)?;
                }
            }
        }
        Ok(())
    }

    async fn phones(&mut self, sheet: &mut Sheet, cluster: ClusterId, called: &str) -> Result<(), Error> {
        let mut pages = Pages::new(phone::BY_NAME, on(cluster));
        while let Some(rows) = pages.next::<phone::Row>(self.source, self.scope).await? {
            let (mut profiles, mut users) = (Vec::new(), Vec::new());
            for row in &rows {
                profiles.extend(*row.logout_profile_id.get()?);
                users.extend(*row.owner_id.get()?);
            }
            let (profiles, users) = (self.device_names(&profiles).await?, self.user_ids(&users).await?);
            for row in rows {
                let mut cells = Cells::default();
                cells.set("cluster", called)?;
                cells.set("name", row.name.get()?)?;
                cells.set("organization", self.path(*row.organization_id.get()?))?;
                cells.set("description", row.description.get()?)?;
                cells.set("product", row.product.get()?)?;
                cells.set("protocol", row.protocol.get()?)?;
                cells.set("buttonTemplate", row.button_template.get()?)?;
                cells.set("softkeyTemplate", row.softkey_template.get()?)?;
                cells.set("extensionMobility", row.extension_mobility.get()?)?;
                let logout = row.logout_profile_id.get()?.and_then(|id| profiles.get(&id));
                cells.set("logoutProfile", logout)?;
                cells.set("owner", row.owner_id.get()?.and_then(|id| users.get(&id)))?;
                sheet.row(&cells.0)?;
                self.advance();
            }
        }
        Ok(())
    }

    async fn lines(&mut self, sheet: &mut Sheet, cluster: ClusterId, called: &str) -> Result<(), Error> {
        let mut numbers = Numbers::<line::Row>::new(cluster);
        while let Some(rows) = numbers.next(self.source, self.scope).await? {
            for row in rows {
                let mut cells = Cells::default();
                cells.set("cluster", called)?;
                cells.set("pattern", row.pattern.get()?)?;
                cells.set("partition", row.partition.get()?)?;
                cells.set("organization", self.path(*row.organization_id.get()?))?;
                cells.set("description", row.description.get()?)?;
                cells.settings(row.settings.get()?)?;
                sheet.row(&cells.0)?;
                self.advance();
            }
        }
        Ok(())
    }

    async fn inventory(&mut self, sheet: &mut Sheet, cluster: ClusterId, called: &str) -> Result<(), Error> {
        let mut numbers = Numbers::<number::Row>::new(cluster);
        while let Some(rows) = numbers.next(self.source, self.scope).await? {
            for row in rows {
                let path = self.path(*row.organization_id.get()?);
                self.advance();
                // One that is kept above the caller's subtree is not the caller's to write.
                if path.is_empty() {
                    continue;
                }
                let mut cells = Cells::default();
                cells.set("cluster", called)?;
                cells.set("pattern", row.pattern.get()?)?;
                cells.set("partition", row.partition.get()?)?;
                cells.set("organization", path)?;
                cells.set("status", row.status.get()?)?;
                cells.set("utility", row.utility.get()?)?;
                cells.set("e164Number", row.e164_number.get()?)?;
                cells.set("description", row.description.get()?)?;
                let extra = &row.extra.get()?.0;
                let field = |(name, value)| serde_json::json!({"name": name, "value": value});
                cells.set("extra", extra.iter().map(field).collect::<Vec<_>>())?;
                cells.set("reservedFor", row.reserved_for.get()?)?;
                cells.set("reservedUntil", row.reserved_until.get()?.and_then(written))?;
                cells.set("coolingUntil", row.cooling_until.get()?.and_then(written))?;
                sheet.row(&cells.0)?;
            }
        }
        Ok(())
    }

    /// Each line's original, then its clones, the oldest first.
    async fn appearances(
        &mut self,
        sheet: &mut Sheet,
        cluster: ClusterId,
        called: &str,
    ) -> Result<(), Error> {
        let mut numbers = Numbers::<line::Row>::new(cluster);
        while let Some(rows) = numbers.next(self.source, self.scope).await? {
            let lines = ids(&rows)?;
            // All of a line's, as each is told by its place among them.
            let mut standing = self.below::<line::AppearanceRow>(line::OF_LINE, &lines).await?;
            let asked = self.asked::<line::AppearanceRow>(line::OF_LINE, &lines).await?;
            let mut devices = Vec::new();
            for (appearance, _) in standing.values().flat_map(|page| &page.rows) {
                devices.push(*appearance.device_id.get()?);
            }
            let names = self.device_names(&devices).await?;
            for row in rows {
                let mut appearances = Vec::new();
                for (appearance, _) in standing.remove(&row.id.get()?.0).unwrap_or_default().rows {
                    appearances.push((*appearance.role.get()?, appearance));
                }
                appearances.sort_by_key(|(role, _)| *role == Role::Clone);
                let original = match appearances.first() {
                    Some((_, first)) => Some(first.settings.get()?.clone()),
                    None => None,
                };
                for (created, (role, appearance)) in (1_i32..).zip(appearances) {
                    if asked
                        .as_ref()
                        .is_some_and(|asked| appearance.id().is_ok_and(|id| !asked.contains(&id)))
                    {
                        continue;
                    }
                    let mut cells = Cells::default();
                    let settings = appearance.settings.get()?;
                    let device = names.get(appearance.device_id.get()?);
                    // What a clone has from its original is not repeated.
                    if role == Role::Original || original.as_ref() != Some(settings) {
                        cells.settings(settings)?;
                    }
                    if role == Role::Clone && original.as_ref() != Some(settings) {
                        let (pattern, on) = (row.pattern.get()?, device.map_or("", String::as_str));
                        sheet.note(|| {
                            let unlike = "has other settings than its original; an import refuses it";
                            format!("the clone of {pattern} on '{on}' {unlike}")
                        });
                    }
                    cells.set("cluster", called)?;
                    cells.set("pattern", row.pattern.get()?)?;
                    cells.set("partition", row.partition.get()?)?;
                    cells.set("device", device)?;
                    cells.set("index", appearance.position.get()?)?;
                    cells.set("role", role)?;
                    cells.set("created", created)?;
                    cells.set("label", appearance.label.get()?)?;
                    sheet.row(&cells.0)?;
                }
            }
        }
        Ok(())
    }

    /// The lists of every profile and phone, by the device's name.
    async fn buttons(&mut self, sheet: &mut Sheet, cluster: ClusterId, called: &str) -> Result<(), Error> {
        let mut pages = Pages::new(device::BY_NAME, on(cluster));
        while let Some(rows) = pages.next::<device::Row>(self.source, self.scope).await? {
            let mut standing = self.own::<button::Row>(button::OF_DEVICE, &ids(&rows)?).await?;
            for row in rows {
                let mut buttons = Vec::new();
                for (button, _) in standing.remove(&row.id.get()?.0).unwrap_or_default().rows {
                    buttons.push(((*button.kind.get()?, *button.position.get()?), button));
                }
                buttons.sort_by_key(|(place, _)| *place);
                for ((kind, position), button) in buttons {
                    let mut cells = Cells::default();
                    cells.set("cluster", called)?;
                    cells.set("device", row.name.get()?)?;
                    cells.set("kind", kind)?;
                    cells.set("index", position)?;
                    cells.set("label", button.label.get()?)?;
                    let column = if kind == Kind::SpeedDial { "number" } else { "destination" };
                    cells.set(column, button.destination.get()?)?;
                    cells.set("pattern", button.pattern.get()?)?;
                    cells.set("partition", button.partition.get()?)?;
                    if kind == Kind::BusyLampField {
                        cells.set("pickup", button.pickup.get()?)?;
                    }
                    cells.set("service", button.service.get()?)?;
                    cells.set("url", button.url.get()?)?;
                    sheet.row(&cells.0)?;
                }
            }
        }
        Ok(())
    }

    async fn templates(&mut self, sheet: &mut Sheet, cluster: ClusterId, called: &str) -> Result<(), Error> {
        // Names of the two kinds may be alike.
        for kind in ["BUTTON", "SOFTKEY"] {
            let filter = Filter::All(vec![on(cluster), Filter::Is("t.kind", kind.to_owned())]);
            let mut pages = Pages::new(template::BY_NAME, filter);
            while let Some(rows) = pages.next::<template::Row>(self.source, self.scope).await? {
                for row in rows {
                    let mut cells = Cells::default();
                    cells.set("cluster", called)?;
                    cells.set("kind", row.kind.get()?)?;
                    cells.set("name", row.name.get()?)?;
                    cells.set("description", row.description.get()?)?;
                    cells.set("product", row.product.get()?)?;
                    cells.set("protocol", row.protocol.get()?)?;
                    cells.set("features", row.features.get()?)?;
                    sheet.row(&cells.0)?;
                }
            }
        }
        Ok(())
    }

    async fn default_device_profiles(
        &mut self,
        sheet: &mut Sheet,
        cluster: ClusterId,
        called: &str,
    ) -> Result<(), Error> {
        // A product may have one for each protocol.
        for protocol in ["SCCP", "SIP"] {
            let filter = Filter::All(vec![on(cluster), Filter::Is("t.protocol", protocol.to_owned())]);
            let mut pages = Pages::new(default_device_profile::BY_PRODUCT, filter);
            while let Some(rows) = pages.next::<default_device_profile::Row>(self.source, self.scope).await? {
                for row in rows {
                    let mut cells = Cells::default();
                    cells.set("cluster", called)?;
                    cells.set("product", row.product.get()?)?;
                    cells.set("protocol", row.protocol.get()?)?;
                    cells.set("description", row.description.get()?)?;
                    cells.set("buttonTemplate", row.button_template.get()?)?;
                    cells.set("softkeyTemplate", row.softkey_template.get()?)?;
                    cells.settings(row.settings.get()?)?;
                    sheet.row(&cells.0)?;
                }
            }
        }
        Ok(())
    }

    /// Who is logged in on which phone. What is over, or whose user or profile the caller does not see, is left out.
    async fn sessions(&mut self, sheet: &mut Sheet, cluster: ClusterId, called: &str) -> Result<(), Error> {
        let mut pages = Pages::new(phone::BY_NAME, on(cluster));
        while let Some(rows) = pages.next::<phone::Row>(self.source, self.scope).await? {
            let mut sessions = self.own::<session::Row>(session::OF_PHONE, &ids(&rows)?).await?;
            let (mut users, mut profiles) = (Vec::new(), Vec::new());
            for (session, _) in sessions.values().flat_map(|page| &page.rows) {
                users.push(*session.user_id.get()?);
                profiles.extend(*session.profile_id.get()?);
            }
            let (users, profiles) = (self.user_ids(&users).await?, self.device_names(&profiles).await?);
            for row in rows {
                for (session, _) in sessions.remove(&row.id.get()?.0).unwrap_or_default().rows {
                    let profile = session.profile_id.get()?.map(|id| profiles.get(&id));
                    let left = session.expires_at.get()?.map(|at| at.0 - self.now.0);
                    let Some(user) = users.get(session.user_id.get()?) else { continue };
                    if profile == Some(None) || left.is_some_and(|left| left <= 0) {
                        continue;
                    }
                    let mut cells = Cells::default();
                    cells.set("cluster", called)?;
                    cells.set("phone", row.name.get()?)?;
                    cells.set("user", user)?;
                    cells.set("profile", profile.flatten())?;
                    cells.set("minutes", left.map(|left| left.div_euclid(MINUTE).max(1)))?;
                    sheet.row(&cells.0)?;
                }
            }
        }
        Ok(())
    }

    async fn services(&mut self, sheet: &mut Sheet, cluster: ClusterId, called: &str) -> Result<(), Error> {
        let mut pages = Pages::new(service::BY_NAME, on(cluster));
        while let Some(rows) = pages.next::<service::Row>(self.source, self.scope).await? {
            for row in rows {
                let mut cells = Cells::default();
                cells.set("cluster", called)?;
                cells.set("name", row.name.get()?)?;
                cells.set(
                    "asciiName",
                    Some(row.ascii_name.get()?).filter(|name| row.name.get().ok() != Some(name)),
                )?;
                cells.set("description", row.description.get()?)?;
                cells.set("url", row.url.get()?)?;
                cells.set("secureUrl", row.secure_url.get()?)?;
                cells.set("category", row.category.get()?)?;
                cells.set("type", row.kind.get()?)?;
                cells.set("vendor", row.vendor.get()?)?;
                cells.set("vendorVersion", row.release.get()?)?;
                cells.set("enabled", row.enabled.get()?)?;
                cells.set("enterprise", row.enterprise.get()?)?;
                let parameter = |p: &Parameter| ParameterFields {
                    name: p.name.clone(),
                    display_name: Some(p.display_name.clone()).filter(|shown| *shown != p.name),
                    default: p.default.clone(),
                    description: p.description.clone(),
                    required: p.required,
                    password: p.password,
                };
                let parameters: Vec<_> = row.parameters.get()?.0.iter().map(parameter).collect();
                cells.set("parameters", parameters)?;
                sheet.row(&cells.0)?;
            }
        }
        Ok(())
    }

    /// The services of every profile and phone, by the device's name, the oldest first.
    async fn subscriptions(
        &mut self,
        sheet: &mut Sheet,
        cluster: ClusterId,
        called: &str,
    ) -> Result<(), Error> {
        let slice = Slice::front(u32::MAX);
        let all = Filter::All(vec![on(cluster)]);
        let found = page::<service::Row>(
            self.source,
            self.scope,
            &all,
            service::BY_NAME,
            &slice,
            whole::<service::Row>(),
        );
        let services: HashMap<_, _> = found.await?.rows.into_iter().map(|(row, key)| (key.id, row)).collect();
        let mut pages = Pages::new(device::BY_NAME, on(cluster));
        while let Some(rows) = pages.next::<device::Row>(self.source, self.scope).await? {
            let devices = ids(&rows)?;
            let mut standing =
                self.own::<service_subscription::Row>(service_subscription::OF_DEVICE, &devices).await?;
            let mut buttons = self.below::<button::Row>(button::SERVICE_URLS, &devices).await?;
            for row in rows {
                let device = row.id.get()?.0;
                let keys = buttons.remove(&device).unwrap_or_default().rows;
                for (subscription, _) in standing.remove(&device).unwrap_or_default().rows {
                    let Some(service) = services.get(&subscription.service_id.get()?.0) else { continue };
                    let given = &subscription.given.get()?.0;
                    let hidden = given.iter().any(|value| value.value.is_none());
                    for (note, holds) in [
                        ("a password is not written", hidden),
                        ("the service is disabled; an import refuses it", !*service.enabled.get()?),
                    ] {
                        if holds {
                            let (name, service) = (row.name.get()?, service.name.get()?);
                            sheet.note(|| format!("{service} of '{name}': {note}"));
                        }
                    }
                    let mut cells = Cells::default();
                    cells.set("cluster", called)?;
                    cells.set("device", row.name.get()?)?;
                    cells.set("service", service.name.get()?)?;
                    cells.set("name", subscription.name.get()?)?;
                    let value = |value: &entity::service_subscription::Value| {
                        Some(serde_json::json!({"name": value.name, "value": value.value.as_ref()?}))
                    };
                    cells.set("values", given.iter().filter_map(value).collect::<Vec<_>>())?;
                    if *subscription.custom.get()? {
                        cells.set("url", subscription.url.get()?)?;
                    }
                    let own = *subscription.button_id.get()?;
                    for (button, _) in &keys {
                        if Some(*button.id.get()?) == own {
                            cells.set("index", button.position.get()?)?;
                            cells.set("label", button.label.get()?)?;
                        }
                    }
                    sheet.row(&cells.0)?;
                }
            }
        }
        Ok(())
    }

    /// By organization, then by name; a group may have no cluster.
    async fn quick_add_groups(&mut self, sheet: &mut Sheet) -> Result<(), Error> {
        let mut groups = Vec::new();
        let mut pages = Pages::new(quick_add::BY_NAME, Filter::All(Vec::new()));
        while let Some(rows) = pages.next::<quick_add::Row>(self.source, self.scope).await? {
            for row in rows {
                let path = self.path(*row.organization_id.get()?);
                // One that is kept above the caller's subtree is not the caller's to write.
                if !path.is_empty() {
                    groups.push((path.to_lowercase(), row.name_key.get()?.clone(), path, row));
                }
            }
        }
        groups.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        for (_, _, path, row) in groups {
            let mut clusters = self.clusters.iter();
            let called = match *row.cluster_id.get()? {
                Some(id) => clusters.find(|(cluster, _)| cluster.id.get().is_ok_and(|known| *known == id)),
                None => None,
            };
            let defaults = row.defaults.get()?;
            let mut cells = Cells::default();
            cells.set("organization", path)?;
            cells.set("name", row.name.get()?)?;
            cells.set("cluster", called.map(|(_, called)| called))?;
            cells.set("description", row.description.get()?)?;
            cells.set("product", row.product.get()?)?;
            cells.set("protocol", row.protocol.get()?)?;
            cells.set("buttonTemplate", row.button_template.get()?)?;
            cells.set("softkeyTemplate", row.softkey_template.get()?)?;
            cells.set("namePattern", row.name_pattern.get()?)?;
            cells.set("descriptionPattern", row.description_pattern.get()?)?;
            cells.set("place", row.place_id.get()?.map(|id| self.path(id)))?;
            cells.set("partition", &defaults.partition)?;
            cells.set("label", &defaults.label)?;
            cells.set("lineDescription", &defaults.line_description)?;
            cells.set("settings", set(&defaults.profile)?)?;
            cells.set("appearance", set(&defaults.appearance)?)?;
            cells.set("lineSettings", set(&defaults.line)?)?;
            if let (Some(cluster), false) = (*row.cluster_id.get()?, defaults.services.is_empty()) {
                cells.set("services", self.group_services(cluster, &defaults.services).await?)?;
            }
            sheet.row(&cells.0)?;
        }
        Ok(())
    }

    /// The phone services of a Quick Add group; those that are there no more are left out.
    async fn group_services(
        &self,
        cluster: ClusterId,
        services: &[entity::quick_add::Service],
    ) -> Result<Vec<GroupService>, Error> {
        let slice = Slice::front(u32::MAX);
        let all = Filter::All(vec![on(cluster)]);
        let columns = whole::<service::Row>();
        let known =
            page::<service::Row>(self.source, self.scope, &all, service::BY_NAME, &slice, columns).await?;
        let names: HashMap<_, _> = known.rows.into_iter().map(|(row, key)| (key.id, row)).collect();
        let mut written = Vec::new();
        for one in services {
            let Some(service) = names.get(&one.service.0) else { continue };
            let button = one.button.as_ref();
            written.push(GroupService {
                service: service.name.get()?.clone(),
                name: one.name.clone(),
                values: one.values.clone(),
                url: one.url.clone(),
                button: button.is_some(),
                index: button.and_then(|button| button.index),
                label: button.and_then(|button| button.label.clone()),
            });
        }
        Ok(written)
    }

    /// The phones or profiles that users control.
    async fn controlled<R: Named>(
        &mut self,
        sheet: &mut Sheet,
        cluster: ClusterId,
        called: &str,
        relation: Relation,
    ) -> Result<(), Error> {
        let mut pages = Pages::new(user::BY_USER_ID, on(cluster));
        while let Some(rows) = pages.next::<user::Row>(self.source, self.scope).await? {
            let mut devices = self.below::<R>(relation, &ids(&rows)?).await?;
            for row in rows {
                for (device, _) in devices.remove(&row.id.get()?.0).unwrap_or_default().rows {
                    let mut cells = Cells::default();
                    cells.set("cluster", called)?;
                    cells.set("user", row.user_id.get()?)?;
                    cells.set(R::COLUMN, device.name()?)?;
                    sheet.row(&cells.0)?;
                }
            }
        }
        Ok(())
    }

    /// The rows of the file below others, as far as the filter lets them pass.
    async fn own<R: row::Row>(
        &self,
        relation: Relation,
        parents: &[i64],
    ) -> Result<HashMap<i64, Page<R>>, Error> {
        let Some(filter) = self.source.own else { return self.below(relation, parents).await };
        if parents.is_empty() {
            return Ok(HashMap::new());
        }
        let (slice, columns) = (Slice::front(u32::MAX), whole::<R>());
        Ok(children_where(self.source, self.scope, relation, parents, filter, &slice, columns).await?)
    }

    /// The ids of those rows; none where there is no filter.
    async fn asked<R: row::Row>(
        &self,
        relation: Relation,
        parents: &[i64],
    ) -> Result<Option<HashSet<i64>>, Error> {
        let Some(filter) = self.source.own.filter(|filter| **filter != Filter::All(Vec::new())) else {
            return Ok(None);
        };
        if parents.is_empty() {
            return Ok(None);
        }
        let (slice, columns) = (Slice::front(u32::MAX), Columns::own(bit::<R>("id")));
        let found =
            children_where::<R>(self.source, self.scope, relation, parents, filter, &slice, columns).await?;
        Ok(Some(found.into_values().flat_map(|page| page.rows).map(|(_, key)| key.id).collect()))
    }

    async fn below<R: row::Row>(
        &self,
        relation: Relation,
        parents: &[i64],
    ) -> Result<HashMap<i64, Page<R>>, Error> {
        if parents.is_empty() {
            return Ok(HashMap::new());
        }
        let slice = Slice::front(u32::MAX);
        Ok(children(self.source, self.scope, relation, parents, &slice, whole::<R>()).await?)
    }

    async fn device_names(&self, devices: &[DeviceId]) -> Result<HashMap<DeviceId, String>, Error> {
        let ids: Vec<_> = devices.iter().map(|id| id.0).collect::<HashSet<_>>().into_iter().collect();
        let mut names = HashMap::new();
        for ids in ids.chunks(PAGE as usize) {
            for row in
                by_ids::<device::Row>(self.source, self.scope, ids, whole::<device::Row>()).await?.values()
            {
                names.insert(*row.id.get()?, row.name.get()?.clone());
            }
        }
        Ok(names)
    }

    async fn user_ids(&self, users: &[UserId]) -> Result<HashMap<UserId, String>, Error> {
        let ids: Vec<_> = users.iter().map(|id| id.0).collect::<HashSet<_>>().into_iter().collect();
        let mut names = HashMap::new();
        for row in by_ids::<user::Row>(self.source, self.scope, &ids, whole::<user::Row>()).await?.values() {
            names.insert(*row.id.get()?, row.user_id.get()?.clone());
        }
        Ok(names)
    }
}

/// The settings that are not at their defaults; nothing where all of them are.
fn set<T: Default + Serialize>(settings: &T) -> Result<Option<Value>, Error> {
    let json = |value: &T| serde_json::to_value(value).map_err(Error::internal);
    let (Value::Object(mut fields), default) = (json(settings)?, json(&T::default())?) else {
        return Ok(None);
    };
    fields.retain(|name, value| default.get(name) != Some(value));
    Ok(Some(Value::Object(fields))
        .filter(|fields| fields.as_object().is_some_and(|fields| !fields.is_empty())))
}

/// A device with a name, and the column in which a user's list has it.
trait Named: row::Row {
    const COLUMN: &'static str;
    fn name(&self) -> Result<&String, Error>;
}

impl Named for phone::Row {
    const COLUMN: &'static str = "phone";
    fn name(&self) -> Result<&String, Error> {
        Ok(self.name.get()?)
    }
}

impl Named for profile::Row {
    const COLUMN: &'static str = "profile";
    fn name(&self) -> Result<&String, Error> {
        Ok(self.name.get()?)
    }
}

/// A list read page by page.
struct Pages {
    order: Order,
    filter: Filter,
    after: Option<Key>,
    done: bool,
    /// Whether the export's own filter is part of `filter`.
    narrowed: bool,
}

impl Pages {
    fn new(order: Order, filter: Filter) -> Self {
        Self { order, filter, after: None, done: false, narrowed: false }
    }

    /// Lets only what the filter lets pass be read, too.
    fn narrow(&mut self, filter: &Filter) {
        if !self.narrowed {
            self.narrowed = true;
            let own = std::mem::replace(&mut self.filter, Filter::All(Vec::new()));
            self.filter = Filter::All(vec![own, filter.clone()]);
        }
    }

    async fn next<R: row::Row>(&mut self, source: &Paced<'_>, scope: Scope) -> Result<Option<Vec<R>>, Error> {
        if self.done {
            return Ok(None);
        }
        if let Some(filter) = source.filter.get() {
            self.narrow(filter);
        }
        let slice = Slice { limit: PAGE, after: self.after.take(), before: None, backwards: false };
        let page = page::<R>(source, scope, &self.filter, self.order, &slice, whole::<R>()).await?;
        self.done = !page.has_next;
        self.after = page.rows.last().map(|(_, key)| key.clone());
        Ok(Some(page.rows.into_iter().map(|(row, _)| row).collect()))
    }
}

/// What has a pattern and a partition.
trait Numbered: row::Row {
    fn number(&self) -> Result<(&String, &String), Error>;
}

impl Numbered for line::Row {
    fn number(&self) -> Result<(&String, &String), Error> {
        Ok((self.pattern.get()?, self.partition.get()?))
    }
}

impl Numbered for number::Row {
    fn number(&self) -> Result<(&String, &String), Error> {
        Ok((self.pattern.get()?, self.partition.get()?))
    }
}

/// The lines or numbers of a cluster by pattern and partition. The database orders them by pattern; those of one pattern
/// wait until all of them are there.
struct Numbers<R> {
    pages: Pages,
    waiting: Vec<R>,
}

impl<R: Numbered> Numbers<R> {
    fn new(cluster: ClusterId) -> Self {
        Self { pages: Pages::new(line::BY_PATTERN, on(cluster)), waiting: Vec::new() }
    }

    async fn next(&mut self, source: &Paced<'_>, scope: Scope) -> Result<Option<Vec<R>>, Error> {
        let Some(page) = self.pages.next::<R>(source, scope).await? else { return Ok(None) };
        let mut rows = std::mem::take(&mut self.waiting);
        rows.extend(page);
        if !self.pages.done
            && let Some(last) = rows.last()
        {
            let last = last.number()?.0.clone();
            let mut from = rows.len();
            while from > 0 && *rows[from - 1].number()?.0 == last {
                from -= 1;
            }
            self.waiting = rows.split_off(from);
        }
        let mut keyed = Vec::with_capacity(rows.len());
        for row in rows {
            let (pattern, partition) = row.number()?;
            keyed.push(((pattern.clone(), partition.clone()), row));
        }
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Some(keyed.into_iter().map(|(_, row)| row).collect()))
    }
}

fn on(cluster: ClusterId) -> Filter {
    Filter::Numbers("t.cluster_id", vec![cluster.0])
}

fn whole<R: row::Row>() -> Columns {
    Columns::own(row::all::<R>())
}

fn ids<R: row::Row>(rows: &[R]) -> Result<Vec<i64>, Error> {
    rows.iter().map(|row| Ok(row.id()?)).collect()
}
