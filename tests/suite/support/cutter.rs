//! Stands between Oracle's client and the loopback server, and cuts the connection at the n-th commit: before the server sees it, or before the
//! client sees the answer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Where it cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Commit,
    Answer,
}

/// Listens for clients, and leads each to the server on `server_port`; returns its own port. The threads end with their connections.
pub fn start(server_port: u16, cut: Cut, at: u64) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let commits = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server_port))) else { return };
            let commits = commits.clone();
            thread::spawn(move || carry(client, server, cut, at, &commits));
        }
    });
    port
}

fn carry(client: TcpStream, server: TcpStream, cut: Cut, at: u64, commits: &AtomicU64) {
    let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let answers = thread::spawn(move || {
        let _ = std::io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let (mut client, mut server) = (client, server);
    let mut buffer = vec![0u8; 1 << 16];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        if is_commit(&buffer[..read]) && commits.fetch_add(1, Ordering::Relaxed) + 1 == at {
            // Nothing reaches the client any more: its answers end with this.
            let _ = client.shutdown(Shutdown::Both);
            if cut == Cut::Answer {
                let _ = server.write_all(&buffer[..read]);
                // The server answers to nobody; it has committed when it finds that out, or when it reads the end.
                let _ = server.shutdown(Shutdown::Write);
            } else {
                let _ = server.shutdown(Shutdown::Both);
            }
            break;
        }
        if server.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
    let _ = answers.join();
}

/// A data packet of Oracle Net (type 6 at byte 4) whose message is function 14, commit, after ten bytes of header and flags; or after a message
/// without an answer (17), which closes cursors.
fn is_commit(packet: &[u8]) -> bool {
    let is_data = packet.len() > 11 && packet[4] == 6;
    let is_behind_another = || packet.len() < 100 && packet[10] == 17 && matches!(packet[packet.len() - 3..], [3, 14, _]);
    is_data && ((packet[10] == 3 && packet[11] == 14) || is_behind_another())
}
