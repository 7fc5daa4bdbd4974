export { document, etag, requireMatch, sortedMap, withoutEmpty, type RenderedDocument } from './document.js';
export { parseFilter, matchesFilter, type FilterClause } from './filter.js';
export { apiUrl } from './url.js';
export { invalidHostname, requireInstanceName, requireInterfaceName, requireName, requireSnapshotName, type NamedKind } from './names.js';
export { isFinal, operationJson, statusNames, type OperationRecord, type StatusCode } from './status.js';
export { asyncEnvelope, createdEnvelope, emptyEnvelope, errorEnvelope, syncEnvelope } from './envelope.js';
