//! Delta Lake's kernel: a table's log and files → Arrow batches. The only file that names it.

use std::path::Path;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use delta_kernel::engine::arrow_data::EngineDataArrowExt as _;
use delta_kernel::table_changes::TableChanges;
use delta_kernel::{Engine, EngineData, KernelResult, Snapshot, try_parse_uri};
use delta_kernel_default_engine::DefaultEngine;
use delta_kernel_default_engine::storage::store_from_url;

/// The rows of version `end`, or the changes of the versions after `after` up to it; or why there are none.
pub(super) fn batches(folder: &Path, after: Option<i64>, end: i64) -> Result<Vec<RecordBatch>, String> {
    read(folder, after.map(i64::unsigned_abs), end.unsigned_abs()).map_err(|error| error.to_string())
}

fn read(folder: &Path, after: Option<u64>, end: u64) -> KernelResult<Vec<RecordBatch>> {
    let root = try_parse_uri(folder.to_string_lossy())?;
    let engine: Arc<dyn Engine> = Arc::new(DefaultEngine::builder(store_from_url(&root)?).build());
    let taken = |data: KernelResult<Box<dyn EngineData>>| data.try_into_record_batch();
    match after {
        Some(after) => {
            let changes = TableChanges::try_new(root, engine.as_ref(), after + 1, Some(end))?;
            changes.into_scan_builder().build()?.execute(engine)?.map(taken).collect()
        }
        None => {
            let snapshot = Snapshot::builder_for(root.as_str()).at_version(end).build(engine.as_ref())?;
            snapshot.scan_builder().build()?.execute(engine)?.map(taken).collect()
        }
    }
}
