//! Where the official files are, how long they are, and their SHA-256.

use super::{cifar, name::DatasetName};

/// A file to download.
#[derive(Clone, Copy, Debug)]
pub struct OfficialFile<'a> {
    /// Its name on the server and on disk.
    pub name: &'a str,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: &'a str,
}

impl OfficialFile<'_> {
    /// Its address under `base`.
    pub fn url(&self, base: &str) -> String {
        format!("{base}/{}", self.name)
    }
}

/// All files of a data set.
pub struct OfficialFiles {
    /// The address of the folder with the files.
    pub base: &'static str,
    /// The files; empty for a data set that needs none.
    pub files: &'static [OfficialFile<'static>],
}

/// The official files of `name`.
///
/// CIFAR-10's SHA-256 is the one in TensorFlow Datasets' checksums; its authors give the MD5 of the
/// same file, c32a1d4ab5d03f1284b67883e8d87530. Fashion-MNIST's SHA-256s are of the files whose MD5s
/// its README lists. Debian's copies hold the same images, but their gzip headers differ.
pub fn files(name: DatasetName) -> OfficialFiles {
    match name {
        DatasetName::Cifar10 => OfficialFiles {
            base: "https://www.cs.toronto.edu/~kriz",
            files: &[OfficialFile {
                name: cifar::ARCHIVE,
                bytes: 170_052_171,
                sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            }],
        },
        DatasetName::FashionMnist => OfficialFiles {
            base: "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            files: &[
                OfficialFile {
                    name: "train-images-idx3-ubyte.gz",
                    bytes: 26_421_880,
                    sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                },
                OfficialFile {
                    name: "train-labels-idx1-ubyte.gz",
                    bytes: 29_515,
                    sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                },
                OfficialFile {
                    name: "t10k-images-idx3-ubyte.gz",
                    bytes: 4_422_102,
                    sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                },
                OfficialFile {
                    name: "t10k-labels-idx1-ubyte.gz",
                    bytes: 5_148,
                    sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                },
            ],
        },
        DatasetName::Synthetic => OfficialFiles {
            base: "",
            files: &[],
        },
    }
}
