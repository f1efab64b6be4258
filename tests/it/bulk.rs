//! Import and export of folders, on SQLite and, where `ROAMLINE_TEST_DATABASE_URL` is set, on PostgreSQL.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use entity::Moment;
use roamline::{
    app::App,
    bulk::{self, File, Mode, Report},
    caller::Caller,
    config::Config,
};
use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/acme");

/// A place for databases and folders, gone when the story ends.
struct Place {
    /// Where PostgreSQL is; none for SQLite.
    server: Option<String>,
    made: Vec<String>,
    folder: TempDir,
}

impl Place {
    /// One per kind of store.
    fn all() -> Vec<Self> {
        let place =
            |server| Self { server, made: Vec::new(), folder: tempfile::tempdir().expect("a folder") };
        let mut places = vec![place(None)];
        places.extend(std::env::var("ROAMLINE_TEST_DATABASE_URL").ok().map(|url| place(Some(url))));
        places
    }

    /// An empty database.
    async fn open(&mut self) -> App {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("roamline_bulk_{}_{number}", std::process::id());
        let url = match &self.server {
            None => format!("sqlite://{}/{name}.db", self.folder.path().display()),
            Some(server) => {
                execute(server, &format!("CREATE DATABASE {name}")).await;
                let (server, _) = server.rsplit_once('/').expect("a database in the URL");
                format!("{server}/{name}")
            }
        };
        self.made.push(name);
        let mut config = Config::default();
        config.database.url = url;
        App::open(config, Arc::new(|| Moment(1_700_000_000_000_000))).await.expect("opens")
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy of the sample, to be spoilt.
    fn sample(&self, name: &str) -> PathBuf {
        let folder = self.folder(name);
        fs::create_dir(&folder).expect("a folder");
        for file in File::ALL {
            fs::copy(Path::new(SAMPLE).join(file.name()), folder.join(file.name())).expect("copies");
        }
        folder
    }

    /// A folder with these files; the others hold only their headers.
    fn files(&self, name: &str, files: &[(File, &str)]) -> PathBuf {
        let folder = self.folder(name);
        fs::create_dir_all(&folder).expect("a folder");
        for file in File::ALL {
            let given = files.iter().find(|(given, _)| *given == file);
            let header = || file.columns().iter().map(|column| column.name).collect::<Vec<_>>().join(",");
            let text = given.map_or_else(header, |(_, text)| (*text).to_owned());
            fs::write(folder.join(file.name()), text).expect("writes");
        }
        folder
    }

    async fn close(self) {
        for name in self.made {
            if let Some(server) = &self.server {
                execute(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
            }
        }
    }
}

async fn execute(server: &str, statement: &str) {
    let db = Database::connect(server).await.expect("connects");
    db.execute_unprepared(statement).await.expect(statement);
    db.close().await.expect("closes");
}

fn root() -> Caller {
    Caller::administrator("test")
}

async fn import(app: &App, folder: impl AsRef<Path>, mode: Mode) -> Report {
    bulk::import(app, &root(), folder.as_ref(), mode, |_, _| {}).await.expect("imports")
}

async fn export(app: &App, folder: impl AsRef<Path>) -> Vec<(&'static str, String)> {
    let exported = bulk::export(app, &root(), folder.as_ref(), |_, _| {}).await.expect("exports");
    assert_eq!(exported.notes, [""; 0]);
    let text = |file: File| fs::read_to_string(folder.as_ref().join(file.name())).expect("is there");
    File::ALL.into_iter().map(|file| (file.name(), text(file))).collect()
}

fn told(report: &Report) -> Vec<String> {
    report.refusals.iter().map(ToString::to_string).collect()
}

/// Puts another text in the place of one in a file.
fn spoil(folder: &Path, file: File, old: &str, new: &str) {
    let path = folder.join(file.name());
    let text = fs::read_to_string(&path).expect("is there");
    assert!(text.contains(old), "{old}");
    fs::write(path, text.replacen(old, new, 1)).expect("writes");
}

const ALL: Mode = Mode { dry_run: false, each: false };
const EACH: Mode = Mode { dry_run: false, each: true };
const DRY: Mode = Mode { dry_run: true, each: false };

#[tokio::test]
async fn the_sample_loads_whole_and_an_export_loads_again_byte_for_byte() {
    for mut place in Place::all() {
        let (first, second) = (place.open().await, place.open().await);
        assert!(bulk::is_empty(&first).await.expect("reads"));
        let report = import(&first, SAMPLE, ALL).await;
        assert_eq!(told(&report), [""; 0]);
        assert!(report.kept && !bulk::is_empty(&first).await.expect("reads"));

        let (one, two) = (place.folder("one"), place.folder("two"));
        let wrote = export(&first, &one).await;
        assert!(import(&second, &one, ALL).await.kept);
        assert_eq!(export(&second, &two).await, wrote);
        // Nothing else is left in the folder.
        assert_eq!(fs::read_dir(&one).expect("reads").count(), File::ALL.len());
        place.close().await;
    }
}

#[tokio::test]
async fn a_generated_estate_keeps_the_rules_that_an_import_asks() {
    for mut place in Place::all() {
        let (first, second) = (place.open().await, place.open().await);
        let estate = roamline::store::Estate { profiles: 200, seed: 3 };
        first.generate(&root(), estate, |_| {}).await.expect("generates");
        let (one, two) = (place.folder("one"), place.folder("two"));
        let wrote = export(&first, &one).await;
        let report = import(&second, &one, ALL).await;
        assert!(report.kept, "{report}");
        assert_eq!(export(&second, &two).await, wrote);
        place.close().await;
    }
}

#[tokio::test]
async fn row_by_row_makes_the_same_estate() {
    for mut place in Place::all() {
        let (first, second) = (place.open().await, place.open().await);
        assert!(import(&first, SAMPLE, ALL).await.kept);
        assert!(import(&second, SAMPLE, EACH).await.kept);
        let (one, two) = (place.folder("one"), place.folder("two"));
        assert_eq!(export(&first, one).await, export(&second, two).await);
        place.close().await;
    }
}

#[tokio::test]
async fn a_dry_run_keeps_nothing() {
    for mut place in Place::all() {
        let app = place.open().await;
        let report = import(&app, SAMPLE, DRY).await;
        assert!(report.refusals.is_empty() && !report.kept);
        assert!(bulk::is_empty(&app).await.expect("reads"));
        assert_eq!(app.feed().latest(), 0);
        place.close().await;
    }
}

#[tokio::test]
async fn every_fault_is_told_with_its_place_and_nothing_is_kept() {
    for mut place in Place::all() {
        let app = place.open().await;
        let folder = place.sample("spoilt");
        spoil(&folder, File::Profiles, "Cisco 8841", "Cisco 8842");
        spoil(&folder, File::Users, "thomas.koehler@nordwind.example", "thomas.koehler at nordwind");
        spoil(
            &folder,
            File::Users,
            "Jürgen Weiß,juergen.weiss@nordwind.example,Sales,German Germany,,",
            "Jürgen Weiß,juergen.weiss@nordwind.example,Sales,German Germany,lots,",
        );
        spoil(&folder, File::Lines, "acme.Nordwind.DACH.Berlin", "acme.Nordwind.DACH.Bonn");
        spoil(&folder, File::Appearances, "ORIGINAL", "MASTER");
        let report = import(&app, &folder, ALL).await;
        assert!(!report.kept && bulk::is_empty(&app).await.expect("reads"));
        let places: Vec<_> = report
            .refusals
            .iter()
            .map(|r| {
                (
                    r.file.as_str(),
                    r.line,
                    r.column.as_deref().unwrap_or_default(),
                    r.rule.as_str(),
                    r.dependents > 0,
                )
            })
            .collect();
        assert_eq!(
            places,
            [
                ("users.csv", Some(3), "email", "VALUE_INVALID", true),
                ("users.csv", Some(4), "maxLoginMinutes", "VALUE_INVALID", true),
                ("profiles.csv", Some(3), "product", "PRODUCT_UNKNOWN", true),
                ("lines.csv", Some(3), "organization", "NOT_FOUND", true),
                ("appearances.csv", Some(2), "role", "VALUE_INVALID", false),
            ]
        );
        assert!(told(&report)[4].contains("role is one of ORIGINAL, CLONE"), "{}", told(&report)[4]);
        place.close().await;
    }
}

const TREE: (File, &str) = (File::Organizations, "path,kind\na,PROVIDER\na.b,CUSTOMER\n");
const CLUSTER: (File, &str) = (File::Clusters, "organization,name\na,one\n");

#[tokio::test]
async fn what_depends_on_a_refused_row_is_not_told_again() {
    for mut place in Place::all() {
        let app = place.open().await;
        let folder = place.files(
            "dependent",
            &[
                TREE,
                CLUSTER,
                (File::Users, "cluster,userId,organization,lastName,primaryPattern,defaultProfile\none,anna,a.b,Berg,100,EM_anna\none,ben,a.b,Costa,,EM_anna\n"),
                (File::Profiles, "cluster,name,organization,product,protocol\none,EM_anna,a.b,Cisco 8841,SCCP\n"),
                (File::ProfileUsers, "cluster,profile,user\none,EM_anna,anna\none,EM_anna,ben\n"),
                (File::Lines, "cluster,pattern,organization\none,100,a.b\n"),
                (File::Appearances, "cluster,pattern,device,role\none,100,EM_anna,ORIGINAL\n"),
            ],
        );
        let report = import(&app, &folder, ALL).await;
        assert_eq!(
            told(&report),
            [
                "profiles.csv:2 protocol: Cisco 8841 does not speak SCCP. Choose one of the product's protocols. \
              [PROTOCOL_NOT_SUPPORTED RI-69] 5 rows that depend on it were not tried."
            ]
        );
        assert!(report.to_string().ends_with("\n4 of 10 rows would pass; nothing was kept."), "{report}");
        place.close().await;
    }
}

#[tokio::test]
async fn row_by_row_keeps_what_passes_and_a_mended_folder_brings_the_rest() {
    for mut place in Place::all() {
        let app = place.open().await;
        let users = "cluster,userId,organization,lastName\none,anna,a.b,Berg\none,Ben,a.b,Costa\n";
        let phones =
            "cluster,name,organization,product,protocol,owner\none,SEP001122334455,a.b,Cisco 8841,SIP,ben\n";
        let folder = place.files("first", &[TREE, CLUSTER, (File::Users, users), (File::Phones, phones)]);
        let report = import(&app, &folder, EACH).await;
        assert_eq!(
            told(&report),
            [
                "users.csv:3 userId: 'Ben' is not a user id: 1 to 128 of a-z, 0-9, '.', '_', '-' and '@'. [USER_ID_INVALID RML-9]",
                "phones.csv:2 owner: There is no such user. Look it up again: it may be gone, or kept outside your \
                 organization. [NOT_FOUND ACC-7]",
            ]
        );
        assert!(report.kept && report.to_string().ends_with("\n4 of 6 rows imported."), "{report}");

        fs::write(folder.join("users.csv"), users.replace("Ben", "ben")).expect("writes");
        let report = import(&app, &folder, EACH).await;
        let codes: Vec<_> =
            report.refusals.iter().map(|r| (r.file.as_str(), r.rule.as_str(), r.dependents)).collect();
        assert_eq!(
            codes,
            [
                ("organizations.csv", "ORGANIZATION_NAME_TAKEN", 0),
                ("organizations.csv", "ORGANIZATION_NAME_TAKEN", 0),
                ("clusters.csv", "CLUSTER_NAME_TAKEN", 0),
                ("users.csv", "USER_ID_TAKEN", 0),
            ]
        );
        assert!(export(&app, place.folder("out")).await[6].1.contains(",ben\r\n"));
        place.close().await;
    }
}

#[tokio::test]
async fn what_spreadsheets_write_is_read() {
    for mut place in Place::all() {
        let (first, second) = (place.open().await, place.open().await);
        let line = |separator: &str, cells: &[&str]| cells.join(separator);
        let users = |separator: &str, end: &str, yes: &str| {
            let header = line(separator, &["cluster", "userid", "organization", "lastName", "crossCluster"]);
            let anna = line(separator, &["one", "anna", "a.b", "Berg", yes]);
            let blank = line(separator, &["", "", "", "", ""]);
            format!("{header}{end}{anna}{end}{blank}{end}{end}")
        };
        let plain = place.files("plain", &[TREE, CLUSTER, (File::Users, &users(",", "\n", "true"))]);
        let sheet = format!("\u{feff}{}", users(";", "\r\n", "TRUE"));
        let sheet = place.files("sheet", &[TREE, CLUSTER, (File::Users, &sheet)]);
        assert!(import(&first, &plain, ALL).await.kept);
        let report = import(&second, &sheet, ALL).await;
        assert!(report.kept, "{report}");
        let (one, two) = (place.folder("one"), place.folder("two"));
        assert_eq!(export(&first, one).await, export(&second, two).await);
        place.close().await;
    }
}

#[tokio::test]
async fn a_folder_has_every_file_and_no_other() {
    for mut place in Place::all() {
        let app = place.open().await;
        let folder = place.sample("renamed");
        fs::rename(folder.join("users.csv"), folder.join("user.csv")).expect("renames");
        spoil(&folder, File::Phones, "extensionMobility", "extMobility");
        spoil(&folder, File::Lines, "pattern", "number");
        let report = import(&app, &folder, EACH).await;
        assert_eq!(
            told(&report),
            [
                "user.csv: 'user.csv' cannot be used as it is: no file of an estate is called that; rename it to \
                 users.csv, if that is what it is. [VALUE_INVALID RML-4]",
                "users.csv: The folder cannot be used as it is: it is missing; a file that holds only its header holds \
                 nothing. [VALUE_INVALID RML-4]",
                "phones.csv:1 extMobility: 'extMobility' cannot be used as it is: phones.csv has no such column; \
                 perhaps 'extensionMobility' is meant. [VALUE_INVALID RML-4]",
                "lines.csv:1 number: 'number' cannot be used as it is: lines.csv has no such column; `roamline import \
                 --columns` lists what there is. [VALUE_INVALID RML-4]",
                "lines.csv:1 pattern: The column 'pattern' is required. Give a value that is not blank. [VALUE_REQUIRED RML-4]",
            ]
        );
        assert!(!report.kept && bulk::is_empty(&app).await.expect("reads"));
        place.close().await;
    }
}

const LINE: (File, &str) = (File::Lines, "cluster,pattern,organization\none,100,a.b\n");
const PROFILES: (File, &str) = (
    File::Profiles,
    "cluster,name,organization,product,protocol\none,A,a.b,Cisco 8841,SIP\none,B,a.b,Cisco 8841,SIP\none,C,a.b,Cisco 8841,SIP\n",
);

#[tokio::test]
async fn originals_come_first_and_clones_in_the_order_of_their_age() {
    for mut place in Place::all() {
        let app = place.open().await;
        let appearances = "created,role,device,pattern,cluster\n9,CLONE,A,100,one\n2,CLONE,B,100,one\n,ORIGINAL,C,100,one\n";
        let folder = place.files("aged", &[TREE, CLUSTER, PROFILES, LINE, (File::Appearances, appearances)]);
        assert!(import(&app, &folder, ALL).await.kept);
        let wrote = export(&app, place.folder("out")).await;
        let devices: Vec<_> =
            wrote[8].1.lines().skip(1).map(|line| line.split(',').nth(3).unwrap_or("")).collect();
        assert_eq!(devices, ["C", "B", "A"]);
        place.close().await;
    }
}

#[tokio::test]
async fn a_clone_is_like_its_original_and_a_line_has_one() {
    for mut place in Place::all() {
        let app = place.open().await;
        let appearances = "cluster,pattern,device,role,maxCalls\none,100,A,ORIGINAL,5\none,100,B,CLONE,6\none,100,C,ORIGINAL,\n";
        let folder =
            place.files("unlike", &[TREE, CLUSTER, PROFILES, LINE, (File::Appearances, appearances)]);
        let report = import(&app, &folder, ALL).await;
        assert_eq!(
            told(&report),
            [
                "appearances.csv:3 maxCalls: This is a clone. Change the line through its original, line 1 of 'A'. \
                 [LINE_IS_CLONE CLN-3]",
                "appearances.csv:4 role: The role cannot be used as it is: the line has its original already. \
                 [VALUE_INVALID RML-4]",
            ]
        );
        place.close().await;
    }
}

#[tokio::test]
async fn clusters_of_one_name_are_told_apart_by_their_path() {
    for mut place in Place::all() {
        let app = place.open().await;
        let clusters = (File::Clusters, "organization,name\na,one\na.b,one\n");
        let users =
            |cluster: &str| format!("cluster,userId,organization,lastName\n{cluster},anna,a.b,Berg\n");
        let folder = place.files("bare", &[TREE, clusters, (File::Users, &users("one"))]);
        let report = import(&app, &folder, ALL).await;
        assert!(
            told(&report)[0].contains("several clusters have the name; write organization.path.name"),
            "{report}"
        );
        let folder = place.files("full", &[TREE, clusters, (File::Users, &users("a.b.one"))]);
        assert!(import(&app, &folder, ALL).await.kept);
        assert!(export(&app, place.folder("out")).await[3].1.contains("\na.b.one,anna,"));
        place.close().await;
    }
}

/// SPD-*, BLF-*, BTN-*: rows keep the rules of the API, each told at its column.
#[tokio::test]
async fn buttons_are_read_and_written_list_by_list() {
    for mut place in Place::all() {
        let app = place.open().await;
        let rows = "cluster,device,kind,index,label,number,destination,pattern,partition,pickup,service,url\n\
                    one,A,SPEED_DIAL,,free,9,,,,,,\none,A,SPEED_DIAL,1,one,\"0,123\",,,,,,\n\
                    one,A,BUSY_LAMP_FIELD,2,,,,100,pt,true,,\none,B,BUSY_LAMP_FIELD,1,,,b@c.d,,,,,\n\
                    one,A,CALL_PARK,1,,,,900,,,,\none,A,SERVICE_URL,1,,,,,,,Sun,http://sun\n";
        let folder = place.files("right", &[TREE, CLUSTER, PROFILES, LINE, (File::Buttons, rows)]);
        let report = import(&app, &folder, ALL).await;
        assert!(report.kept, "{report}");
        let written = export(&app, place.folder("out")).await;
        let (_, written) = written.iter().find(|(name, _)| *name == "buttons.csv").expect("buttons");
        assert_eq!(
            written.lines().skip(1).collect::<Vec<_>>(),
            [
                "one,A,SPEED_DIAL,1,one,\"0,123\",,,,,,",
                "one,A,SPEED_DIAL,2,free,9,,,,,,",
                "one,A,BUSY_LAMP_FIELD,2,,,,100,pt,true,,",
                "one,A,CALL_PARK,1,,,,900,,,,",
                "one,A,SERVICE_URL,1,,,,,,,Sun,http://sun",
                "one,B,BUSY_LAMP_FIELD,1,,,b@c.d,,,false,,",
            ]
        );
        let wrong = "cluster,device,kind,index,label,number,destination,pattern,url\n\
                     one,A,SPEED_DIAL,1,,call,,,\none,A,SPEED_DIAL,200,x,1,,,http://x\n\
                     one,A,BUSY_LAMP_FIELD,,,,1,1,\none,C,SPEED_DIAL,,x,1,,,\none,X,SPEED_DIAL,,x,1,,,\none,A,LAMP,,,,,,\n";
        let folder = place.files("wrong", &[(File::Buttons, wrong)]);
        let report = import(&app, &folder, ALL).await;
        assert_eq!(
            places(&report),
            [
                (Some(2), "index", "BUTTON_INDEX_TAKEN"),
                (Some(2), "label", "SPEED_DIAL_LABEL_REQUIRED"),
                (Some(2), "number", "SPEED_DIAL_NUMBER_INVALID"),
                (Some(3), "index", "BUTTON_INDEX_INVALID"),
                (Some(3), "url", "VALUE_INVALID"),
                (Some(4), "destination", "BLF_DESTINATION_AMBIGUOUS"),
                (Some(6), "device", "NOT_FOUND"),
                (Some(7), "kind", "VALUE_INVALID"),
            ]
        );
        // A folder from before there were buttons has no such file.
        fs::remove_file(folder.join(File::Buttons.name())).expect("removed");
        assert_eq!(told(&import(&app, &folder, ALL).await), [""; 0]);
        place.close().await;
    }
}

/// Where rows were refused: line, column and rule.
fn places(report: &Report) -> Vec<(Option<u64>, &str, &str)> {
    let refusals = report.refusals.iter();
    refusals.map(|r| (r.line, r.column.as_deref().unwrap_or_default(), r.rule.as_str())).collect()
}

/// BTN-1, RML-22: templates are read behind the devices that name them, and fit them all the same.
#[tokio::test]
async fn templates_are_read_and_written() {
    for mut place in Place::all() {
        let app = place.open().await;
        let profiles =
            "cluster,name,organization,product,protocol,buttonTemplate\none,A,a.b,Cisco 8841,SIP,Sales\n";
        let templates = "cluster,kind,name,product,protocol,features\none,BUTTON,Sales,Cisco 8841,SIP,\"[\"\"LINE\"\",\"\"BLF\"\"]\"\n\
                         one,SOFTKEY,Soft,,,\n";
        let folder =
            place.files("right", &[TREE, CLUSTER, (File::Profiles, profiles), (File::Templates, templates)]);
        let report = import(&app, &folder, ALL).await;
        assert!(report.kept, "{report}");
        let written = export(&app, place.folder("out")).await;
        let (_, written) = written.iter().find(|(name, _)| *name == "templates.csv").expect("templates");
        assert_eq!(
            written.lines().skip(1).collect::<Vec<_>>(),
            ["one,BUTTON,Sales,,Cisco 8841,SIP,\"[\"\"LINE\"\",\"\"BLF\"\"]\"", "one,SOFTKEY,Soft,,,,"]
        );
        let wrong = "cluster,kind,name,product,protocol,features\none,BUTTON,Sales,Cisco 8841,SIP,\"[\"\"LINE\"\"]\"\n\
                     one,BUTTON,New,Cisco 1,SIP,\"[\"\"BLF\"\"]\"\none,SOFTKEY,New,,,\"[\"\"LINE\"\"]\"\n";
        let folder = place.files("wrong", &[(File::Templates, wrong)]);
        let report = import(&app, &folder, ALL).await;
        assert_eq!(
            places(&report),
            [
                (Some(2), "name", "TEMPLATE_NAME_TAKEN"),
                (Some(3), "product", "PRODUCT_UNKNOWN"),
                (Some(3), "features", "TEMPLATE_BUTTON_ONE_IS_LINE"),
                (Some(4), "features", "VALUE_INVALID"),
            ]
        );
        place.close().await;
    }
}

#[tokio::test]
async fn numbers_begin_as_their_lines_stand() {
    for mut place in Place::all() {
        let app = place.open().await;
        let appearances = (File::Appearances, "cluster,pattern,device\none,100,A\n");
        let numbers = "cluster,pattern,organization,status,coolingUntil,extra\none,100,a.b,,,\n\
                       one,101,a.b,COOLING,2035-01-31T00:00:00Z,\"[{\"\"name\"\": \"\"x\"\", \"\"value\"\": \"\"y\"\"}]\"\n";
        let bad = "one,102,a.b,,soon,\none,100,a.b,,,\none,103,a.b,USED,,\n";
        let all = format!("{numbers}{bad}");
        let files = |numbers| [TREE, CLUSTER, PROFILES, LINE, appearances, (File::Numbers, numbers)];
        let report = import(&app, place.files("bad", &files(&all)), ALL).await;
        let faults: Vec<_> = report
            .refusals
            .iter()
            .map(|r| (r.line, r.column.as_deref().unwrap_or_default(), r.rule.as_str()))
            .collect();
        assert_eq!(
            faults,
            [
                (Some(4), "coolingUntil", "VALUE_INVALID"),
                (Some(5), "pattern", "NUMBER_TAKEN"),
                (Some(6), "status", "NUMBER_STATUS_ILLEGAL"),
            ]
        );
        let report = import(&app, place.files("good", &files(numbers)), ALL).await;
        assert!(report.kept, "{report}");
        // A folder from before the inventory has no such file.
        let before = place.files("before", &files(numbers));
        fs::remove_file(before.join(File::Numbers.name())).expect("removes");
        assert_eq!(told(&import(&place.open().await, before, ALL).await), [""; 0]);
        let wrote = export(&app, place.folder("out")).await;
        let (_, wrote) = wrote.iter().find(|(name, _)| *name == "numbers.csv").expect("numbers");
        let rows: Vec<_> = wrote.lines().skip(1).collect();
        assert_eq!(
            rows,
            [
                "one,100,,a.b,USED,,,,,,,",
                "one,101,,a.b,COOLING,,,,\"[{\"\"name\"\":\"\"x\"\",\"\"value\"\":\"\"y\"\"}]\",,,2035-01-31T00:00:00Z",
            ]
        );
        place.close().await;
    }
}
