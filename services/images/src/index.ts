export { busyboxCreationDate, busyboxImage, busyboxSplitImage } from './busybox/busybox-image.js';
export type { BusyboxImageOptions } from './busybox/busybox-image.js';
