//! A role's counters and those of its ports (`Stats`).

use flatbuffers::{FlatBufferBuilder, WIPOffset};

use super::nostr::{each, text_bytes};
use super::report::role_report;
use super::{WireError, builder, fb, misplaced};
use crate::message::{PortStats, RequestId, Stats};

pub(super) fn stats_report(stats: &Stats) -> Vec<u8> {
    // A port's table with its layout is 150 bytes, a counter's 28.
    let ports = stats.ports.iter().map(|port| 160 + text_bytes(&port.name));
    let counters = stats.counters.iter().map(|(name, _)| 32 + text_bytes(name));
    let mut fbb = builder(ports.sum::<usize>() + counters.sum::<usize>());
    let ports: Vec<_> = stats.ports.iter().map(|port| write_port(&mut fbb, port)).collect();
    let counters = stats.counters.iter().map(|(name, value)| {
        let name = Some(fbb.create_string(name));
        fb::Counter::create(&mut fbb, &fb::CounterArgs { name, value: *value })
    });
    let counters: Vec<_> = counters.collect();
    let args = fb::StatsArgs {
        request_id: stats.request.0,
        ports: (!ports.is_empty()).then(|| fbb.create_vector(&ports)),
        counters: (!counters.is_empty()).then(|| fbb.create_vector(&counters)),
    };
    let stats = fb::Stats::create(&mut fbb, &args);
    role_report(fbb, (fb::ReportContent::Stats, stats.as_union_value()))
}

pub(super) fn read_stats(report: fb::RoleReport<'_>) -> Result<Stats, WireError> {
    let content = report.content_type();
    let stats = report
        .content_as_stats()
        .ok_or_else(|| misplaced("RoleReport.content", content.variant_name(), content.0))?;
    let counters = each(stats.counters());
    Ok(Stats {
        request: RequestId(stats.request_id()),
        ports: each(stats.ports()).map(read_port).collect(),
        counters: counters
            .map(|counter| (counter.name().to_owned(), counter.value()))
            .collect(),
    })
}

pub(super) fn write_port<'f>(fbb: &mut FlatBufferBuilder<'f>, port: &PortStats) -> WIPOffset<fb::PortStats<'f>> {
    let args = fb::PortStatsArgs {
        name: Some(fbb.create_string(&port.name)),
        sent_records: port.sent_records,
        sent_bytes: port.sent_bytes,
        sent_batches: port.sent_batches,
        received_records: port.received_records,
        received_bytes: port.received_bytes,
        received_batches: port.received_batches,
        queue_depth: port.queue_depth,
        queue_high_water: port.queue_high_water,
        credit_bytes: port.credit_bytes,
        stalls: port.stalls,
        stalled_ms: port.stalled_ms,
        malformed: port.malformed,
    };
    fb::PortStats::create(fbb, &args)
}

pub(super) fn read_port(port: fb::PortStats<'_>) -> PortStats {
    PortStats {
        name: port.name().to_owned(),
        sent_records: port.sent_records(),
        sent_bytes: port.sent_bytes(),
        sent_batches: port.sent_batches(),
        received_records: port.received_records(),
        received_bytes: port.received_bytes(),
        received_batches: port.received_batches(),
        queue_depth: port.queue_depth(),
        queue_high_water: port.queue_high_water(),
        credit_bytes: port.credit_bytes(),
        stalls: port.stalls(),
        stalled_ms: port.stalled_ms(),
        malformed: port.malformed(),
    }
}
