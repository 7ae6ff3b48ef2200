//! CIFAR-10 as Hugging Face hosts it (`uoft-cs/cifar10`, `plain_text`): parquet with a column `label`
//! (int64) and a column `img`, whose field `bytes` is a PNG.

use std::{
    fs,
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    result,
};

use bytes::Bytes;
use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::DataType,
    errors::ParquetError,
    file::reader::{FileReader, RowGroupReader, SerializedFileReader},
};

use super::{
    files::{invalid, unreadable},
    split::Split,
};
use crate::{Error, Result};

/// Images of the official training set, the larger of the two.
const IMAGE_LIMIT: usize = 50_000;
/// The largest official file has 120 MB.
const BYTE_LIMIT: u64 = 1 << 30;

/// The images, of `shape`, and labels in the parquet file `path`.
pub fn read(path: &Path, shape: [usize; 3]) -> Result<Split> {
    let length = fs::metadata(path).map_err(|error| Error::io("cannot read", path, error))?;
    if length.len() > BYTE_LIMIT {
        return Err(invalid(
            path,
            "over 1 GiB; the official file has 120 MB at most",
        ));
    }
    let file = fs::read(path).map_err(|error| unreadable(path, error))?;
    // The parquet library panics on some damaged files.
    catch_unwind(AssertUnwindSafe(|| read_rows(path, file.into(), shape)))
        .unwrap_or_else(|_| Err(invalid(path, "damaged; delete it and get it again")))
}

fn read_rows(path: &Path, file: Bytes, shape: [usize; 3]) -> Result<Split> {
    let damaged = |error: ParquetError| invalid(path, format!("not usable as parquet: {error}"));
    let file = SerializedFileReader::new(file).map_err(damaged)?;
    let columns = file.metadata().file_metadata().schema_descr().columns();
    let column = |name: &str| {
        let found = columns
            .iter()
            .position(|column| column.path().string() == name);
        found.ok_or_else(|| {
            let names: Vec<String> = columns
                .iter()
                .map(|column| column.path().string())
                .collect();
            let names = names.join(", ");
            invalid(path, format!("there is no column `{name}`; it has {names}"))
        })
    };
    let (images, labels) = (column("img.bytes")?, column("label")?);
    let mut split = Split::empty(shape);
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).map_err(damaged)?;
        let n = usize::try_from(group.metadata().num_rows()).unwrap_or(usize::MAX);
        if n > IMAGE_LIMIT - split.len() {
            return Err(invalid(
                path,
                format!("more than the {IMAGE_LIMIT} images of CIFAR-10"),
            ));
        }
        let ColumnReader::ByteArrayColumnReader(images) =
            reader(&*group, images).map_err(damaged)?
        else {
            return Err(invalid(path, "`img.bytes` holds no bytes"));
        };
        let ColumnReader::Int64ColumnReader(labels) = reader(&*group, labels).map_err(damaged)?
        else {
            return Err(invalid(path, "`label` is not a column of int64"));
        };
        let images = values(images, n).map_err(damaged)?;
        let labels = values(labels, n).map_err(damaged)?;
        if images.len() != n || labels.len() != n {
            return Err(invalid(path, "an image or a label is missing"));
        }
        for (png, label) in images.iter().zip(labels) {
            let image = decode(png.data(), shape).map_err(|why| {
                invalid(path, format!("image {} is not usable: {why}", split.len()))
            })?;
            // A negative label becomes a large one, which `push` refuses.
            split.push(path, label as u64, &image)?;
        }
    }
    if split.is_empty() {
        return Err(invalid(path, "there are no images in it"));
    }
    Ok(split)
}

fn reader(group: &dyn RowGroupReader, column: usize) -> result::Result<ColumnReader, ParquetError> {
    group.get_column_reader(column)
}

/// The values of a column of `n` rows; fewer if some are null.
fn values<T: DataType>(
    mut column: ColumnReaderImpl<T>,
    n: usize,
) -> result::Result<Vec<T::T>, ParquetError> {
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    let mut read = 0;
    while read < n {
        let (records, ..) = column.read_records(
            n - read,
            Some(&mut defined),
            Some(&mut repeated),
            &mut values,
        )?;
        if records == 0 {
            break;
        }
        read += records;
    }
    Ok(values)
}

/// The pixels of a PNG in red, green and blue, as `shape`, `[channels, height, width]`.
fn decode(png: &[u8], [channels, height, width]: [usize; 3]) -> result::Result<Vec<u8>, String> {
    let mut decoder =
        png::Decoder::new_with_limits(Cursor::new(png), png::Limits { bytes: 1 << 20 });
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let (info, kind) = (reader.info(), reader.output_color_type());
    if (info.height as usize, info.width as usize) != (height, width)
        || kind != (png::ColorType::Rgb, png::BitDepth::Eight)
    {
        return Err(format!(
            "{}x{}, {kind:?}; needed: {height}x{width} in red, green and blue of 8 bits each",
            info.height, info.width
        ));
    }
    let mut pixels = vec![0; channels * height * width];
    reader
        .next_frame(&mut pixels)
        .map_err(|error| error.to_string())?;
    let of_channel = |channel| pixels.iter().skip(channel).step_by(channels);
    Ok((0..channels).flat_map(of_channel).copied().collect())
}
