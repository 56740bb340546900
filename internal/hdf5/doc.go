// Package hdf5 reads the HDF5 files that h5py writes for Keras: groups, attributes of strings,
// and contiguous arrays of floating-point numbers. It reads the format of HDF5 1.0 to 1.6
// (superblock 0 and 1), which h5py writes unless it is asked for another: symbol tables,
// object headers of version 1, B-trees of version 1. Chunked, compressed or external arrays,
// and links, are errors.
//
// A file is not trusted. Every address and size is compared with the file's size before it is
// used, every object is visited once, and numbers of objects and depths are limited.
// HDF5 File Format Specification 3.0, https://docs.hdfgroup.org/hdf5/v1_14/_f_m_t3.html.
package hdf5
