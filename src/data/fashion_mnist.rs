//! Fashion-MNIST as IDX files: a magic number, the length of each axis, the bytes; all big-endian
//! (<https://github.com/zalandoresearch/fashion-mnist>).

use std::path::{Path, PathBuf};

use super::{
    files::{exists, invalid, read},
    split::Split,
};
use crate::Result;

/// The names of the labels.
pub const CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// The folder into which Debian's package dataset-fashion-mnist puts the files.
pub const DEBIAN_FOLDER: &str = "/usr/share/datasets/fashion-mnist";

/// The training images and labels, then the test images and labels.
pub const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// Channels, height and width of an image.
pub const SHAPE: [usize; 3] = [1, SIDE, SIDE];

const SIDE: usize = 28;
/// The largest official file has a header of 16 bytes and 60,000 images.
const FILE_LIMIT: usize = 16 + 60_000 * SIDE * SIDE;

/// The training and the test set in `folder`, or in the folder that torchvision makes below it; `None` if
/// there is neither.
pub fn find(folder: &Path) -> Result<Option<(Split, Split)>> {
    for folder in [folder, &folder.join("FashionMNIST/raw")] {
        let paths = FILES.map(|name| with_or_without_gz(folder, name));
        let [images, labels, test_images, test_labels] = match paths {
            [Ok(None), Ok(None), Ok(None), Ok(None)] => continue,
            paths => paths,
        };
        let needed = |path: Result<Option<PathBuf>>, name| {
            path?.ok_or_else(|| {
                let all = FILES.join(", ");
                invalid(folder, format!("{name} is missing; needed: {all}"))
            })
        };
        let train = split(&needed(images, FILES[0])?, &needed(labels, FILES[1])?)?;
        let test = split(
            &needed(test_images, FILES[2])?,
            &needed(test_labels, FILES[3])?,
        )?;
        return Ok(Some((train, test)));
    }
    Ok(None)
}

fn with_or_without_gz(folder: &Path, name: &str) -> Result<Option<PathBuf>> {
    for path in [folder.join(name), folder.join(format!("{name}.gz"))] {
        if exists(&path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn split(images_path: &Path, labels_path: &Path) -> Result<Split> {
    let (images, labels) = (
        read(images_path, FILE_LIMIT)?,
        read(labels_path, FILE_LIMIT)?,
    );
    let ([n, height, width], pixels) = parse(images_path, &images)?;
    let ([labelled], labels) = parse(labels_path, &labels)?;
    if [height, width] != [SIDE, SIDE] {
        return Err(invalid(
            images_path,
            format!("images of {height}x{width}; needed: {SIDE}x{SIDE}"),
        ));
    }
    if n != labelled || n == 0 {
        return Err(invalid(
            images_path,
            format!(
                "{n} images, but {labelled} labels in {}; needed: one label for each image, and at least one image",
                labels_path.display()
            ),
        ));
    }
    let mut split = Split::empty(SHAPE);
    for (image, label) in pixels.chunks_exact(SIDE * SIDE).zip(labels) {
        split.push(labels_path, u64::from(*label), image)?;
    }
    Ok(split)
}

/// The lengths of the `AXES` axes, and the bytes that follow them.
fn parse<'a, const AXES: usize>(path: &Path, file: &'a [u8]) -> Result<([usize; AXES], &'a [u8])> {
    // 0x08 stands for unsigned bytes.
    let magic = [0, 0, 8, AXES as u8];
    let Some((header, bytes)) = file.split_at_checked(4 * (1 + AXES)) else {
        return Err(invalid(
            path,
            format!("{} bytes are not an IDX file", file.len()),
        ));
    };
    let (fields, _) = header.as_chunks::<4>();
    if fields[0] != magic {
        return Err(invalid(
            path,
            format!(
                "it begins with {:02x?}; needed: {magic:02x?}, bytes on {AXES} axes",
                fields[0]
            ),
        ));
    }
    let shape: [u32; AXES] = std::array::from_fn(|axis| u32::from_be_bytes(fields[1 + axis]));
    let needed: u128 = shape.iter().map(|n| u128::from(*n)).product();
    if needed != bytes.len() as u128 {
        return Err(invalid(
            path,
            format!(
                "{} bytes follow its header, which says {shape:?}",
                bytes.len()
            ),
        ));
    }
    Ok((shape.map(|n| n as usize), bytes))
}
