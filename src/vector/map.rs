//! Files of plain numbers: written run after run, mapped into memory, seen as slices. Knows not what the numbers mean.

use std::io::{BufWriter, Write};
use std::marker::PhantomData;
use std::path::Path;

use bytemuck::Pod;
use fs_err as fs;
use memmap2::Mmap;

use crate::error::{Error, Result};
use crate::rank::Row;

/// A mapped file of numbers.
pub(super) struct Column<T> {
    map: Mmap,
    numbers: PhantomData<T>,
}

impl<T: Pod> Column<T> {
    /// Maps a file of whole numbers of `T`, however many.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = fs::File::open(path)?;
        #[expect(unsafe_code, reason = "mapping is what makes opening an index cheap")]
        // SAFETY: the slice is valid while nobody shortens or writes the file. Files of a generation are written once,
        // before it is published, and afterwards only unlinked, which leaves mapped pages in place.
        let map = unsafe { Mmap::map(file.file()) }?;
        if map.len() % size_of::<T>() != 0 {
            let reason = format!("{} bytes are not whole numbers of {} bytes", map.len(), size_of::<T>());
            return Err(Error::corrupt(path, reason));
        }
        Ok(Self { map, numbers: PhantomData })
    }

    /// Maps a file that must hold `len` numbers.
    pub(super) fn open_exact(path: &Path, len: usize) -> Result<Self> {
        let column = Self::open(path)?;
        let found = column.map.len() / size_of::<T>();
        if found != len {
            return Err(Error::corrupt(path, format!("it holds {found} numbers, and {len} were expected")));
        }
        Ok(column)
    }

    /// The numbers.
    pub(super) fn as_slice(&self) -> &[T] {
        // A mapping starts at a page, so it is aligned for any number, and `open` has looked at its length.
        bytemuck::cast_slice(&self.map)
    }
}

/// A mapped file of vectors, one a row.
pub(super) struct Matrix {
    numbers: Column<f32>,
    rows: usize,
    dimension: usize,
}

impl Matrix {
    /// Maps a file that must hold `rows` × `dimension` numbers.
    pub(super) fn open(path: &Path, rows: usize, dimension: usize) -> Result<Self> {
        Ok(Self { numbers: Column::open_exact(path, rows.saturating_mul(dimension))?, rows, dimension })
    }

    /// The same, of which rows will be read here and there: what the system reads ahead would drive out what is needed, where
    /// memory is short.
    pub(super) fn at_random(self) -> Result<Self> {
        #[cfg(unix)]
        self.numbers.map.advise(memmap2::Advice::Random)?;
        Ok(self)
    }

    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    pub(super) const fn dimension(&self) -> usize {
        self.dimension
    }

    /// The vector of a row that exists.
    pub(super) fn row(&self, row: Row) -> &[f32] {
        let start = row as usize * self.dimension;
        &self.numbers.as_slice()[start..start + self.dimension]
    }
}

/// Writes runs of numbers one after another, little-endian (see the guard in `vector`).
pub(super) struct RunWriter(BufWriter<fs::File>);

impl RunWriter {
    pub(super) fn create(path: &Path) -> Result<Self> {
        Ok(Self(BufWriter::with_capacity(1 << 16, fs::File::create(path)?)))
    }

    pub(super) fn write<T: Pod>(&mut self, run: &[T]) -> Result<()> {
        self.0.write_all(bytemuck::cast_slice(run))?;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.0.flush()?;
        Ok(())
    }
}

/// The same, of runs that are all there.
pub(super) fn write_runs<'a, T: Pod>(path: &Path, runs: impl Iterator<Item = &'a [T]>) -> Result<()> {
    let mut file = RunWriter::create(path)?;
    for run in runs {
        file.write(run)?;
    }
    file.finish()
}
