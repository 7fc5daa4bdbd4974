{{- define "asterism.fullname" -}}
{{- if .Values.fullnameOverride -}}{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}{{ end -}}
{{- end -}}
{{- end }}

{{/* What pods of this release are found by; with `component` of one part. Call with (list $ "component"). */}}
{{- define "asterism.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "asterism.labels" -}}
{{ include "asterism.selector" . }}
{{- $root := index . 0 }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end }}

{{/* Services of the control plane; all but the gateway are called by others. */}}
{{- define "asterism.services" -}}
["gateway","operations","instances","storage","networks","images","cluster","projects","warnings"]
{{- end }}

{{- define "asterism.controlPlaneImage" -}}
{{ printf "%s:%s" .Values.image.controlPlane.repository (default .Chart.AppVersion .Values.image.controlPlane.tag) }}
{{- end }}

{{- define "asterism.agentImage" -}}
{{ printf "%s:%s" .Values.image.agent.repository (default .Chart.AppVersion .Values.image.agent.tag) }}
{{- end }}

{{- define "asterism.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "asterism.apiSecret" -}}
{{ default (printf "%s-api" (include "asterism.fullname" .)) .Values.api.certificateSecret }}
{{- end }}

{{/* Parties that show a certificate to each other. */}}
{{- define "asterism.parties" -}}
{{- $parties := concat (include "asterism.services" . | fromJsonArray) (list "setup") -}}
{{- if .Values.agent.enabled }}{{ $parties = append $parties "node-agent" }}{{ end -}}
{{- range $name := list "postgresql" "nats" "redis" -}}
{{- if (index $.Values $name).bundled.enabled }}{{ $parties = append $parties $name }}{{ end -}}
{{- end -}}
{{ $parties | toJson }}
{{- end }}

{{/* Names in the certificate of one party: "asterism" is what callers expect of every service. Call with (list $ "party"). */}}
{{- define "asterism.dnsNames" -}}
{{- $root := index . 0 -}}
{{- $service := printf "%s-%s" (include "asterism.fullname" $root) (index . 1) -}}
{{ list "asterism" "localhost" $service (printf "%s.%s" $service $root.Release.Namespace) (printf "%s.%s.svc" $service $root.Release.Namespace) | toJson }}
{{- end }}

{{/* The agent's node selector as a label selector of the API of Kubernetes. */}}
{{- define "asterism.nodeLabels" -}}
{{- $labels := list -}}
{{- range $key, $value := .Values.agent.nodeSelector }}{{ $labels = append $labels (printf "%s=%s" $key $value) }}{{ end -}}
{{ join "," $labels }}
{{- end }}
