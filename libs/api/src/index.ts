export { document, etag, requireMatch, sortedMap, withoutEmpty, type RenderedDocument } from './document.js';
