//! What may be wrong with the file, the disk or the process.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use slips_p2p::store::{Batch, OpenError, PeerConduct, Reader, ReportFilter, Store, StoreError};
use sqlx::{Connection, SqliteConnection};

use crate::world::*;

/// What opening for writing and for reading says.
async fn errors(world: &World) -> (OpenError, OpenError) {
    let writing = Store::open(world.settings.clone())
        .await
        .expect_err("opening for writing fails");
    let reading = Reader::open(&world.path())
        .await
        .expect_err("opening for reading fails");
    (writing, reading)
}

async fn sql(path: &Path, sql: &'static str) {
    let mut conn = SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", path.display()))
        .await
        .unwrap();
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test]
async fn the_file_is_for_this_user_alone() {
    let mut world = World::new();
    world.settings.path = world.beside("new/directory/node.db");
    let store = world.open().await;
    store
        .commit(reports([says(1, "192.0.2.1", 0.5, at(1))]))
        .await
        .unwrap();
    for ending in ["", "-wal", "-shm", ".lock"] {
        let path = format!("{}{ending}", world.path().display());
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600,
            "{path}"
        );
    }
    let directory = fs::metadata(world.path().parent().unwrap()).unwrap();
    assert_eq!(directory.permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let world = World::new();
    let garbage = b"Dear diary, today I met a pigeon. ".repeat(200);
    fs::write(world.path(), &garbage).unwrap();
    let (writing, reading) = errors(&world).await;
    assert!(
        matches!(writing, OpenError::NotADatabase { .. }),
        "{writing}"
    );
    assert!(
        matches!(reading, OpenError::NotADatabase { .. }),
        "{reading}"
    );
    assert!(writing.to_string().contains("slips-p2p.db"), "{writing}");
    assert_eq!(fs::read(world.path()).unwrap(), garbage);
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_left_alone() {
    let world = World::new();
    sql(
        &world.path(),
        "CREATE TABLE reports (id INTEGER PRIMARY KEY)",
    )
    .await;
    let before = fs::read(world.path()).unwrap();
    let (writing, reading) = errors(&world).await;
    assert!(matches!(writing, OpenError::Foreign { .. }), "{writing}");
    assert!(matches!(reading, OpenError::Foreign { .. }), "{reading}");
    assert_eq!(fs::read(world.path()).unwrap(), before);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let world = World::new();
    world.open().await.close().await;
    sql(
        &world.path(),
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (77, 'of the future', 1, x'00', 0)",
    )
    .await;
    let before = fs::read(world.path()).unwrap();
    let (writing, reading) = errors(&world).await;
    for error in [writing, reading] {
        assert!(
            matches!(error, OpenError::NewerSchema { found: 77, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("schema 77"), "{error}");
    }
    assert_eq!(fs::read(world.path()).unwrap(), before);
}

#[tokio::test]
async fn a_start_that_was_killed_before_its_first_step_is_made_up_for() {
    let world = World::new();
    sql(
        &world.path(),
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
             installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
             checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
    )
    .await;
    let store = world.open().await;
    store
        .commit(reports([says(1, "192.0.2.1", 0.5, at(1))]))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_directory_is_no_database() {
    let world = World::new();
    fs::create_dir(world.path()).unwrap();
    let (writing, reading) = errors(&world).await;
    assert!(matches!(writing, OpenError::NotAFile { .. }), "{writing}");
    assert!(matches!(reading, OpenError::NotAFile { .. }), "{reading}");
}

#[tokio::test]
async fn what_is_not_there_is_not_read_nor_made() {
    let world = World::new();
    let error = Reader::open(&world.path()).await.unwrap_err();
    assert!(matches!(error, OpenError::NotFound { .. }), "{error}");
    assert!(!world.path().exists());
}

#[tokio::test]
async fn a_path_below_a_file_says_what_is_wrong() {
    let mut world = World::new();
    fs::write(world.beside("file"), "x").unwrap();
    world.settings.path = world.beside("file/node.db");
    let (writing, _) = errors(&world).await;
    assert!(matches!(writing, OpenError::Io { .. }), "{writing}");
    assert!(writing.to_string().contains("file"), "{writing}");
}

#[tokio::test]
async fn no_permission_says_so() {
    let world = World::new();
    let closed = world.beside("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let mut settings = world.settings.clone();
    settings.path = closed.join("node.db");
    // Root may do everything; then there is nothing to refuse.
    match Store::open(settings).await {
        Ok((store, _)) => {
            assert!(fs::read_dir(&closed).is_ok(), "only root gets in");
            store.close().await;
        }
        Err(error) => assert!(matches!(error, OpenError::Permission { .. }), "{error}"),
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_second_node_on_the_same_database_is_refused() {
    let world = World::new();
    let store = world.open().await;
    let error = Store::open(world.settings.clone()).await.unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    store
        .commit(reports([says(1, "192.0.2.1", 0.5, at(1))]))
        .await
        .unwrap();
    store.close().await;
    world.open().await.close().await;
}

/// Commits until the given limit of pages holds the writer, then returns how many it got done.
async fn fill(store: &Store) -> (u64, tokio::task::JoinHandle<u64>) {
    store.hold_at_pages(Some(1));
    let filling = tokio::spawn({
        let store = store.clone();
        async move {
            let mut done = 0;
            for n in 0..400_u32 {
                let text = "x".repeat(2_000);
                let mut batch = reports([says(
                    1,
                    &format!("10.0.0.{}", n % 250),
                    f64::from(n) / 400.0,
                    at(1),
                )]);
                batch.outbox = vec![message(&text, at(1))];
                store.commit(batch).await.unwrap();
                done += 1;
            }
            done
        }
    });
    wait_until(|| store.stalled().is_some()).await;
    let done = messages(store, 0, 1_000).await.len();
    (done as u64, filling)
}

async fn wait_until(held: impl Fn() -> bool) {
    let waiting = async {
        while !held() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting)
        .await
        .expect("it happens within the limit");
}

#[tokio::test]
async fn a_full_disk_holds_callers_back_and_loses_nothing() {
    let world = World::new();
    let store = world.open().await;
    let (before, filling) = fill(&store).await;
    assert!(before < 400 && !filling.is_finished());
    assert!(
        store.stalled().unwrap().contains("full"),
        "{:?}",
        store.stalled()
    );

    store.hold_at_pages(None);
    let done = tokio::time::timeout(LIMIT, filling)
        .await
        .expect("storing resumes")
        .unwrap();
    assert_eq!((done, store.stalled()), (400, None));
    let stored = messages(&store, 0, 1_000).await;
    assert_eq!(
        stored.iter().map(|parcel| parcel.id.0).collect::<Vec<_>>(),
        (1..=400).collect::<Vec<_>>()
    );
    let reader = world.reader().await;
    assert_eq!(
        reader
            .reports(ReportFilter {
                limit: 1_000,
                ..Default::default()
            })
            .await
            .unwrap()
            .len(),
        400
    );
    assert_eq!(reader.check().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn closing_on_a_full_disk_ends_and_says_what_was_not_stored() {
    let world = World::new();
    let store = world.open().await;
    store.hold_at_pages(Some(1));
    let large = message(&"x".repeat(3_000_000), at(1));
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.commit(outbox([large])).await }
    });
    wait_until(|| store.stalled().is_some()).await;
    tokio::time::timeout(Duration::from_secs(5), store.close())
        .await
        .expect("closing ends");
    let result = waiting.await.unwrap();
    assert!(matches!(result, Err(StoreError::Full { .. })), "{result:?}");
    assert_eq!(world.load().await.1.outbox_len, 0);
}

#[tokio::test]
async fn a_row_the_schema_refuses_spoils_no_other_batch() {
    let world = World::new();
    let store = world.open().await;
    let impossible = PeerConduct {
        peer: peer(1),
        reliability: slips_p2p::domain::Reliability::MAX,
        good: f64::NAN,
        bad: 0.0,
        at: at(1),
        last: None,
    };
    let bad = Batch {
        conduct: vec![impossible],
        ..Batch::default()
    };
    let (first, refused, last) = tokio::join!(
        store.commit(outbox([message("first", at(1))])),
        store.commit(bad),
        store.commit(outbox([message("last", at(1))])),
    );
    assert!(
        matches!(refused, Err(StoreError::Refused { .. })),
        "{refused:?}"
    );
    let given = [first.unwrap().parcels, last.unwrap().parcels].concat();
    assert_eq!(messages(&store, 0, 9).await, given);
    assert_eq!(texts(&given), ["first", "last"]);
}

/// Copies the database as it lies on the disk: the file, then the log. Somebody reads meanwhile, so that
/// the log does not begin anew between the two copies.
async fn snapshot(world: &World, to: &Path) -> PathBuf {
    let mut conn = SqliteConnection::connect(&format!("sqlite://{}", world.path().display()))
        .await
        .unwrap();
    let reading = sqlx::raw_sql("BEGIN; SELECT count(*) FROM outbox");
    reading.execute(&mut conn).await.unwrap();
    let copy = to.join("slips-p2p.db");
    fs::copy(world.path(), &copy).unwrap();
    fs::copy(
        format!("{}-wal", world.path().display()),
        to.join("slips-p2p.db-wal"),
    )
    .unwrap();
    conn.close().await.unwrap();
    copy
}

#[tokio::test]
async fn a_copy_of_file_and_log_taken_while_writing_opens_and_is_whole() {
    let world = World::new();
    let store = world.open().await;
    for round in 0..5_u8 {
        let mut accepted = 0;
        let writing = tokio::spawn({
            let store = store.clone();
            async move {
                for n in 0..40_u32 {
                    let told = (0..50)
                        .map(|k| says(round, &format!("10.0.{n}.{k}"), 0.5, at(i64::from(n))));
                    let mut batch = reports(told);
                    batch.outbox = vec![message("x", at(1)); 50];
                    store.commit(batch).await.unwrap();
                }
            }
        });
        while !writing.is_finished() {
            accepted = messages(&store, 0, 100_000).await.len();
            if accepted % 2_000 > 300 {
                break;
            }
        }
        let elsewhere = tempfile::tempdir().unwrap();
        let mut settings = world.settings.clone();
        settings.path = snapshot(&world, elsewhere.path()).await;
        writing.await.unwrap();

        let (copy, loaded) = Store::open(settings.clone()).await.unwrap();
        assert!(
            loaded.outbox_len >= accepted as u64,
            "{} stored, {accepted} were accepted",
            loaded.outbox_len
        );
        let reader = Reader::open(&settings.path).await.unwrap();
        assert_eq!(reader.check().await.unwrap(), Vec::<String>::new());
        // All of a batch or nothing of it.
        assert_eq!(loaded.outbox_len % 50, 0);
        assert_eq!(reader.stats().await.unwrap().reports, loaded.outbox_len);
        copy.close().await;
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_is_named() {
    let world = World::new();
    let store = world.open().await;
    store
        .commit(reports([says(1, "192.0.2.1", 0.5, at(1))]))
        .await
        .unwrap();
    store.close().await;
    sql(&world.path(), "UPDATE report SET subject = '192.0.2.999'").await;
    let store = world.open().await;
    let error = store.facts(|_, _| ()).await.unwrap_err().to_string();
    for part in ["report", "row 1", "subject", "192.0.2.999"] {
        assert!(error.contains(part), "{error}");
    }
}
