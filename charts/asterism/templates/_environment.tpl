{{/* The environment every process reads (libs/service/src/environment.ts). Call with (list $ "party"). */}}
{{- define "asterism.environment" -}}
{{- $root := index . 0 -}}
{{- $name := include "asterism.fullname" $root -}}
- name: ASTERISM_LOG
  value: {{ $root.Values.logLevel }}
- name: ASTERISM_TLS_DIR
  value: /etc/asterism/tls
- name: ASTERISM_REPLICA
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: ASTERISM_NATS_URL
  value: {{ if $root.Values.nats.bundled.enabled }}tls://{{ $name }}-nats:4222{{ else }}{{ $root.Values.nats.url }}{{ end }}
{{- range without (include "asterism.services" $root | fromJsonArray) "gateway" }}
- name: ASTERISM_SERVICE_{{ upper . }}
  value: {{ $name }}-{{ . }}:8444
{{- end }}
- name: OTEL_SERVICE_NAME
  value: asterism-{{ index . 1 }}
{{- with $root.Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . }}
{{- end }}
- name: NODE_COMPILE_CACHE
  value: /var/cache/asterism
{{- end }}

{{/* What only the control plane may reach: PostgreSQL and Redis. */}}
{{- define "asterism.stores" -}}
{{- $connections := printf "%s-connections" (include "asterism.fullname" .) -}}
- name: ASTERISM_DATABASE_URL
  valueFrom:
    secretKeyRef:
      {{- if .Values.postgresql.bundled.enabled }}
      name: {{ $connections }}
      key: postgresql-url
      {{- else }}
      name: {{ .Values.postgresql.existingSecret.name }}
      key: {{ .Values.postgresql.existingSecret.key }}
      {{- end }}
- name: ASTERISM_REDIS_URL
  valueFrom:
    secretKeyRef:
      {{- if .Values.redis.bundled.enabled }}
      name: {{ $connections }}
      key: redis-url
      {{- else }}
      name: {{ .Values.redis.existingSecret.name }}
      key: {{ .Values.redis.existingSecret.key }}
      {{- end }}
{{- if .Values.redis.bundled.enabled }}
# The bundled Redis shows a certificate of the installation's own authority.
- name: NODE_EXTRA_CA_CERTS
  value: /etc/asterism/tls/ca.crt
{{- end }}
{{- end }}

{{- define "asterism.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "asterism.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* Plain HTTP of the process itself, for nothing but probes. Call with dict: host (of the agent, which has the node's network). */}}
{{- define "asterism.probes" -}}
startupProbe:
  httpGet: { path: /ready, port: health{{ with .host }}, host: {{ . }}{{ end }} }
  periodSeconds: 1
  timeoutSeconds: 5
  failureThreshold: 180
readinessProbe:
  httpGet: { path: /ready, port: health{{ with .host }}, host: {{ . }}{{ end }} }
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{- define "asterism.liveness" -}}
livenessProbe:
  httpGet: { path: /alive, port: health }
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 6
{{- end }}
