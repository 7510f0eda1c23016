//! The least that fanning out can cost here: seal with AES-128-GCM and send, to sockets that are read.

use std::net::UdpSocket;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sluice_datapath::packet::rtp::{self, HeaderFields};
use sluice_datapath::srtp::{Profile, Sealer};

use crate::sys;

/// What is sent to each socket.
#[derive(Clone, Copy)]
pub struct Load {
    /// Packets per second.
    pub rate: u64,
    /// Packets that leave together, in one segmented send.
    pub burst: u64,
    /// Bytes of a packet, authentication tag included.
    pub size: usize,
}

/// One bare sender to `count` sockets; its CPU microseconds per packet, per window.
pub fn measure(count: usize, load: Load, seconds: f64, windows: usize) -> std::io::Result<Vec<f64>> {
    let sockets: Vec<UdpSocket> = (0..count).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let mut targets = Vec::with_capacity(count);
    for (index, socket) in sockets.iter().enumerate() {
        let mut key = [0; 28];
        key[..8].copy_from_slice(&(index as u64 + 1).to_be_bytes());
        let address = sys::socket_address(socket.local_addr()?);
        let sealer = Sealer::new(Profile::AeadAes128Gcm, &key).ok();
        targets.extend(address.zip(sealer));
    }
    let stop = AtomicBool::new(false);
    let read = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| drain(&sockets, &stop, &read));
        let sender = scope.spawn(|| send(&targets, load, seconds, windows));
        let costs = sender.join().unwrap_or_else(|_| Ok(Vec::new()));
        stop.store(true, Ordering::Relaxed);
        let _ = reader.join();
        costs
    })
}

fn drain(sockets: &[UdpSocket], stop: &AtomicBool, read: &AtomicU64) -> std::io::Result<()> {
    let mut poll = sys::Poll::new(512)?;
    for (index, socket) in sockets.iter().enumerate() {
        poll.add(socket, index)?;
    }
    let (mut receiver, mut ready) = (sys::Receiver::default(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        poll.look(&mut ready);
        for &index in &ready {
            read.fetch_add(receiver.receive(&sockets[index]) as u64, Ordering::Relaxed);
        }
    }
    Ok(())
}

type Target = (libc::sockaddr_in, Sealer);

fn send(targets: &[Target], load: Load, seconds: f64, windows: usize) -> std::io::Result<Vec<f64>> {
    let Load { rate, burst, size } = load;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    if burst > 1 {
        sys::segment_sends(&socket, size)?;
    }
    let rounds = ((seconds * rate as f64 / burst as f64) as u64 / windows.max(1) as u64).max(1);
    let mut buffers = vec![vec![0; size * burst as usize + 64]; sys::BATCH];
    let payload: Vec<u8> = (0..size).map(|at| at as u8).collect();
    let mut costs = Vec::with_capacity(windows);
    let (start_ns, mut round) = (sys::monotonic_ns(), 0);
    for _ in 0..windows {
        let (before, mut sent) = (sys::thread_cpu_ns(), 0);
        for _ in 0..rounds {
            sys::sleep_until_ns(start_ns + round * burst * 1_000_000_000 / rate);
            sent += fan_out(&socket, targets, &payload, round * burst..(round + 1) * burst, &mut buffers);
            round += 1;
        }
        costs.push((sys::thread_cpu_ns() - before) as f64 / 1000.0 / (sent as u64 * burst).max(1) as f64);
    }
    Ok(costs)
}

/// These packets to everybody; how many sends succeeded.
fn fan_out(
    socket: &UdpSocket,
    targets: &[Target],
    payload: &[u8],
    numbers: Range<u64>,
    buffers: &mut [Vec<u8>],
) -> usize {
    let mut sent = 0;
    for batch in targets.chunks(sys::BATCH) {
        let mut lengths = [0; sys::BATCH];
        for (((_, sealer), buffer), length) in batch.iter().zip(buffers.iter_mut()).zip(&mut lengths) {
            for number in numbers.clone() {
                *length += seal(sealer, payload, number, &mut buffer[*length..]);
            }
        }
        let mut datagrams = Vec::with_capacity(batch.len());
        for (((address, _), buffer), length) in batch.iter().zip(buffers.iter()).zip(lengths) {
            datagrams.push((&buffer[..length], Some(*address)));
        }
        sent += sys::send_batch(socket, &datagrams);
    }
    sent
}

fn seal(sealer: &Sealer, payload: &[u8], number: u64, buffer: &mut [u8]) -> usize {
    let (sequence, timestamp) = (number as u16, (number * 600) as u32);
    let fields = HeaderFields { marker: false, payload_type: 96, sequence, timestamp, ssrc: 1 };
    let Ok(offset) = rtp::write_header(buffer, &fields, &[]) else { return 0 };
    let plain_len = payload.len() - 16;
    buffer[offset..plain_len].copy_from_slice(&payload[offset..plain_len]);
    sealer.seal_rtp(buffer, plain_len, offset, (number >> 16) as u32).unwrap_or(0)
}
