//! Snapshots as dicts, in the shapes of `sfu/stats.py`.

use core::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::{address_tuple, kind_name};
use crate::ice::attempts::Refusals;
use crate::stats::{EgressStats, LayerStats, PathStats, RelayStats, TrackStats, TransportStats};

/// A dict with the named values, in order.
macro_rules! dict {
    ($py:expr, { $($name:ident: $value:expr),* $(,)? }) => {{
        let dict = PyDict::new($py);
        $(dict.set_item(pyo3::intern!($py, stringify!($name)), $value)?;)*
        Ok(dict)
    }};
}

/// `TransportStats`.
pub fn transport_dict<'py>(py: Python<'py>, stats: &TransportStats) -> PyResult<Bound<'py, PyDict>> {
    dict!(py, {
        transport: stats.transport.0,
        connected: stats.connected,
        encrypted: stats.encrypted,
        remote: stats.remote.map(address_tuple),
        idle_ms: millis(stats.idle),
        rtt_ms: stats.rtt.map(|rtt| rtt.as_secs_f64() * 1e3),
        packets_received: stats.packets_received,
        bytes_received: stats.bytes_received,
        packets_sent: stats.packets_sent,
        bytes_sent: stats.bytes_sent,
        remb_bps: stats.remb_bps,
        paths: path_dicts(py, &stats.paths)?,
        tracks: stats.tracks.iter().map(|track| track_dict(py, track)).collect::<PyResult<Vec<_>>>()?,
        egresses: stats.egresses.iter().map(|egress| egress_dict(py, egress)).collect::<PyResult<Vec<_>>>()?,
    })
}

/// A list of `PathStats`.
pub fn path_dicts<'py>(py: Python<'py>, paths: &[PathStats]) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, paths.iter().map(|path| path_dict(py, path)).collect::<PyResult<Vec<_>>>()?)
}

fn path_dict<'py>(py: Python<'py>, stats: &PathStats) -> PyResult<Bound<'py, PyDict>> {
    dict!(py, {
        local: address_tuple(stats.path.local),
        remote: address_tuple(stats.path.remote),
        protocol: stats.path.carrier.as_str(),
        id: stats.path.carrier.id(),
        via: stats.via.map(|path| path.carrier.as_str()),
        client: stats.via.map(|path| address_tuple(path.remote)),
        checks: stats.checks,
        refused: refused_dict(py, stats.refused)?,
        nominations: stats.nominations,
        validated: stats.validated,
        selected: stats.selected,
        dtls: stats.dtls,
        media: stats.media,
        media_dropped: stats.media_dropped,
        age_ms: millis(stats.age),
        idle_ms: millis(stats.idle),
    })
}

fn refused_dict(py: Python<'_>, refused: Refusals) -> PyResult<Bound<'_, PyDict>> {
    let reasons = PyDict::new(py);
    for (reason, count) in refused.iter() {
        reasons.set_item(reason.as_str(), count)?;
    }
    Ok(reasons)
}

/// Whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `RelayStats`.
pub fn relay_dict<'py>(py: Python<'py>, stats: &RelayStats) -> PyResult<Bound<'py, PyDict>> {
    dict!(py, {
        relay: stats.relay.0,
        packets_received: stats.packets_received,
        bytes_received: stats.bytes_received,
        packets_sent: stats.packets_sent,
        bytes_sent: stats.bytes_sent,
        dropped: stats.dropped,
    })
}

fn track_dict<'py>(py: Python<'py>, stats: &TrackStats) -> PyResult<Bound<'py, PyDict>> {
    dict!(py, {
        track: stats.track.0,
        kind: kind_name(stats.kind),
        forwarded_layer: stats.forwarded_layer,
        layers: stats.layers.iter().map(|layer| layer_dict(py, layer)).collect::<PyResult<Vec<_>>>()?,
    })
}

fn layer_dict<'py>(py: Python<'py>, stats: &LayerStats) -> PyResult<Bound<'py, PyDict>> {
    dict!(py, {
        layer: stats.layer,
        rid: stats.rid.as_deref(),
        ssrc: stats.ssrc,
        payload_type: stats.payload_type,
        active: stats.active,
        packets: stats.packets,
        bytes: stats.bytes,
        bitrate_bps: stats.bitrate_bps,
        frames: stats.frames,
        frame_rate: stats.frame_rate,
        keyframes: stats.keyframes,
        lost: stats.lost,
        repaired: stats.repaired,
        duplicates: stats.duplicates,
        jitter_ms: stats.jitter_ms,
        nacks_sent: stats.nacks_sent,
        plis_sent: stats.plis_sent,
    })
}

fn egress_dict<'py>(py: Python<'py>, stats: &EgressStats) -> PyResult<Bound<'py, PyDict>> {
    dict!(py, {
        egress: stats.egress.0,
        source: stats.source.map(|track| track.0),
        layer: stats.layer,
        packets: stats.packets,
        bytes: stats.bytes,
        bitrate_bps: stats.bitrate_bps,
        retransmitted: stats.retransmitted,
        nacks_received: stats.nacks_received,
        plis_received: stats.plis_received,
        unmapped: stats.unmapped,
        loss_fraction: stats.loss_fraction,
        lost: stats.lost,
        jitter_ms: stats.jitter_ms,
    })
}
