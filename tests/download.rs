//! Downloads from a local server that the test starts.
#![cfg(feature = "download")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use optimiser_paradigms::{
    Error,
    data::{DatasetName, OfficialFile, download, fetch},
};
use sha2::{Digest, Sha256};
use tempfile::tempdir;

/// How the server behaves.
#[derive(Clone, Copy)]
struct Manners {
    /// It supports ranges.
    ranges: bool,
    /// It sends the length of the file.
    length: bool,
    /// It closes the connection after this many bytes of the body.
    cut: Option<usize>,
    /// It sends this status instead of 200 or 206.
    status: Option<&'static str>,
}

const WELL: Manners = Manners {
    ranges: true,
    length: true,
    cut: None,
    status: None,
};

/// A server of one file, running until the test ends.
struct Server {
    base: String,
    manners: Arc<Mutex<Manners>>,
    /// The range that each request asked for, if any.
    asked: Arc<Mutex<Vec<Option<String>>>>,
}

impl Server {
    fn new(content: Vec<u8>, manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            base: format!("http://{}/files", listener.local_addr().unwrap()),
            manners: Arc::new(Mutex::new(manners)),
            asked: Arc::default(),
        };
        let (manners, asked) = (server.manners.clone(), server.asked.clone());
        thread::spawn(move || {
            for connection in listener.incoming() {
                let manners = *manners.lock().unwrap();
                // It is not an error if the client closes the connection first.
                let _ = answer(connection.unwrap(), &content, manners, &asked);
            }
        });
        server
    }

    fn becomes(&self, manners: Manners) {
        *self.manners.lock().unwrap() = manners;
    }

    fn asked(&self) -> Vec<Option<String>> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(
    mut connection: TcpStream,
    content: &[u8],
    manners: Manners,
    asked: &Mutex<Vec<Option<String>>>,
) -> std::io::Result<()> {
    let mut range = None;
    for (i, line) in BufReader::new(&connection).lines().enumerate() {
        let line = line?.to_lowercase();
        if i == 0 {
            assert_eq!(line, "get /files/file.bin http/1.1");
        }
        if let Some(asked) = line.strip_prefix("range: ") {
            range = Some(asked.to_string());
        }
        if line.is_empty() {
            break;
        }
    }
    asked.lock().unwrap().push(range.clone());
    let from = range.filter(|_| manners.ranges).map(|range| {
        let from = range
            .strip_prefix("bytes=")
            .and_then(|it| it.strip_suffix('-'));
        from.unwrap().parse::<usize>().unwrap()
    });
    let body = &content[from.unwrap_or(0)..];
    let ok = from.map_or("200 OK", |_| "206 Partial Content");
    let mut head = format!(
        "HTTP/1.1 {}\r\nConnection: close\r\n",
        manners.status.unwrap_or(ok)
    );
    if manners.length {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    if let Some(from) = from {
        let (last, all) = (content.len() - 1, content.len());
        head += &format!("Content-Range: bytes {from}-{last}/{all}\r\n");
    }
    connection.write_all(format!("{head}\r\n").as_bytes())?;
    connection.write_all(&body[..manners.cut.unwrap_or(body.len()).min(body.len())])
}

/// 300,000 bytes with varied content: more than one buffer of the client.
fn content() -> Vec<u8> {
    (0..300_000_u32)
        .map(|i| (i.wrapping_mul(i) >> 7) as u8)
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fetches `content` and returns how far it got after each piece.
fn get(server: &Server, content: &[u8], folder: &Path) -> (Result<(), String>, Vec<u64>) {
    let (sha256, mut seen) = (sha256(content), Vec::new());
    let remote = OfficialFile {
        name: "file.bin",
        bytes: content.len() as u64,
        sha256: &sha256,
    };
    let path = fetch(&server.base, &remote, folder, &mut |done| seen.push(done));
    let result = path.map(|path| assert_eq!(path, folder.join("file.bin")));
    (result.map_err(|error| error.to_string()), seen)
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let names = fs::read_dir(folder).unwrap().map(name);
    names.map(|name| name.into_string().unwrap()).collect()
}

#[track_caller]
fn fails(result: Result<(), String>, parts: &[&str]) {
    let message = result.unwrap_err();
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

#[test]
fn a_file_is_fetched_once() {
    let (content, folder) = (content(), tempdir().unwrap());
    // The folder is created.
    let folder = folder.path().join("data/here");
    for length in [true, false] {
        let server = Server::new(content.clone(), Manners { length, ..WELL });
        let (result, seen) = get(&server, &content, &folder);
        result.unwrap();
        assert_eq!(fs::read(folder.join("file.bin")).unwrap(), content);
        assert_eq!(names(&folder), ["file.bin"]);
        assert!(seen.is_sorted() && seen.len() > 4, "{seen:?}");
        assert_eq!((seen[0], seen[seen.len() - 1]), (0, 300_000));
        // The file exists now.
        let (result, seen) = get(&server, &content, &folder);
        result.unwrap();
        assert_eq!((server.asked(), seen), (vec![None], vec![300_000]));
        fs::remove_file(folder.join("file.bin")).unwrap();
    }
}

#[test]
fn a_broken_download_goes_on_where_it_was() {
    let (content, folder) = (content(), tempdir().unwrap());
    let folder = folder.path();
    for (ranges, length) in [(true, true), (true, false), (false, true), (false, false)] {
        let cut = Manners {
            ranges,
            length,
            cut: Some(100_000),
            ..WELL
        };
        let server = Server::new(content.clone(), cut);
        let (result, _) = get(&server, &content, folder);
        fails(
            result,
            &["file.bin", "100000 of 300000 bytes", "resumes from there"],
        );
        assert_eq!(names(folder), ["file.bin.part"]);
        assert_eq!(
            fs::read(folder.join("file.bin.part")).unwrap(),
            content[..100_000]
        );

        server.becomes(Manners { cut: None, ..cut });
        let (result, seen) = get(&server, &content, folder);
        result.unwrap();
        assert_eq!(server.asked(), [None, Some("bytes=100000-".to_string())]);
        // Without ranges, the whole file is sent again.
        assert_eq!(seen[0], if ranges { 100_000 } else { 0 });
        assert_eq!(fs::read(folder.join("file.bin")).unwrap(), content);
        assert_eq!(names(folder), ["file.bin"]);
        fs::remove_file(folder.join("file.bin")).unwrap();
    }
}

#[test]
fn what_is_not_the_official_file_is_not_kept() {
    let (content, folder) = (content(), tempdir().unwrap());
    let folder = folder.path();
    let mut other = content.clone();
    other[200_000] ^= 1;
    let server = Server::new(other.clone(), WELL);
    let digests = [&*sha256(&content), &sha256(&other)];
    let (result, _) = get(&server, &content, folder);
    fails(
        result,
        &["file.bin", "not the official file", digests[0], digests[1]],
    );
    assert!(names(folder).is_empty(), "{:?}", names(folder));

    // A different file in its place is not touched.
    fs::write(folder.join("file.bin"), &other).unwrap();
    let (result, _) = get(&server, &content, folder);
    fails(
        result,
        &["file.bin", "though it has its name", digests[0], digests[1]],
    );
    assert_eq!(fs::read(folder.join("file.bin")).unwrap(), other);
    fs::remove_file(folder.join("file.bin")).unwrap();

    // A partial file that is too long, or complete but wrong, costs no request.
    for wrong in [[&content[..], b"more"].concat(), other] {
        fs::write(folder.join("file.bin.part"), wrong).unwrap();
        let (result, _) = get(&server, &content, folder);
        fails(result, &["not the official file"]);
        assert!(names(folder).is_empty());
    }
    assert_eq!(server.asked().len(), 1);
    // A partial file that is complete and right costs none either.
    fs::write(folder.join("file.bin.part"), &content).unwrap();
    get(&server, &content, folder).0.unwrap();
    assert_eq!(
        (server.asked().len(), names(folder)),
        (1, vec!["file.bin".to_string()])
    );
}

#[test]
fn a_server_that_says_no_is_quoted() {
    let (content, folder) = (content(), tempdir().unwrap());
    let folder = folder.path();
    let status = Some("404 Not Found");
    let server = Server::new(content.clone(), Manners { status, ..WELL });
    let (result, _) = get(&server, &content, folder);
    fails(result, &["/files/file.bin", "404 Not Found"]);
    assert!(!folder.join("file.bin").exists());

    // An error page is not the file.
    server.becomes(WELL);
    let sorry = Server::new(b"<html>sorry</html>".to_vec(), WELL);
    let (result, _) = get(&sorry, &content, folder);
    fails(result, &["a file of 18 bytes; needed: 300000"]);
    // An answer to a different request.
    fs::write(folder.join("file.bin.part"), &content[..7]).unwrap();
    let status = Some("416 Range Not Satisfiable");
    server.becomes(Manners { status, ..WELL });
    fails(get(&server, &content, folder).0, &["416"]);
    assert_eq!(
        fs::read(folder.join("file.bin.part")).unwrap(),
        content[..7]
    );

    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nobody = Server {
        base: format!("http://{closed}/files"),
        ..server
    };
    fails(get(&nobody, &content, folder).0, &["file.bin", "refused"]);
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let (content, folder) = (content(), tempdir().unwrap());
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let server = Server::new(content.clone(), WELL);
    fails(
        get(&server, &content, &file.join("below")).0,
        &["file/below"],
    );
    // The synthetic set needs no files, so nothing is fetched.
    download(DatasetName::Synthetic, &file, &mut |_, _| {
        panic!("progress")
    })
    .unwrap();
}

#[test]
fn two_downloads_do_not_meet() {
    let (content, folder) = (content(), tempdir().unwrap());
    let part = fs::File::create(folder.path().join("file.bin.part")).unwrap();
    part.lock().unwrap();
    let server = Server::new(content.clone(), WELL);
    fails(
        get(&server, &content, folder.path()).0,
        &["another process is downloading"],
    );
    drop(part);
    get(&server, &content, folder.path()).0.unwrap();
    assert!(matches!(
        fetch(
            "",
            &OfficialFile {
                name: "x",
                bytes: 1,
                sha256: ""
            },
            folder.path(),
            &mut |_| {}
        ),
        Err(Error::Io { .. })
    ));
}
