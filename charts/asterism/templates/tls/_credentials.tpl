{{/* What the job of credentials keeps, as JSON: "wanted" is what it is told, "secrets" the names it may touch. */}}
{{- define "asterism.credentials" -}}
{{- $name := include "asterism.fullname" . -}}
{{- $bundled := or .Values.postgresql.bundled.enabled .Values.redis.bundled.enabled -}}
{{- $wanted := dict -}}
{{- $secrets := list -}}
{{- if not .Values.tls.certManager.enabled }}
{{- $parties := list -}}
{{- range $party := include "asterism.parties" . | fromJsonArray }}
{{- $secret := printf "%s-%s-tls" $name $party -}}
{{- $parties = append $parties (dict "name" $party "secret" $secret "dnsNames" (include "asterism.dnsNames" (list $ $party) | fromJsonArray)) -}}
{{- $secrets = append $secrets $secret -}}
{{- end }}
{{- $_ := set $wanted "authority" (dict "secret" (printf "%s-authority" $name) "years" .Values.tls.own.years "parties" $parties) -}}
{{- $secrets = append $secrets (printf "%s-authority" $name) -}}
{{- end }}
{{- if not .Values.api.certificateSecret }}
{{- $_ := set $wanted "api" (dict "secret" (printf "%s-api" $name) "dnsNames" (list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace))) -}}
{{- $secrets = append $secrets (printf "%s-api" $name) -}}
{{- end }}
{{- if $bundled }}
{{- $_ := set $wanted "connections" (dict "secret" (printf "%s-connections" $name) "postgresqlHost" (printf "%s-postgresql" $name) "redisHost" (printf "%s-redis" $name)) -}}
{{- $secrets = append $secrets (printf "%s-connections" $name) -}}
{{- end }}
{{ dict "wanted" $wanted "secrets" $secrets | toJson }}
{{- end }}

{{/* Its pod. Call with dict: root, account, wanted, restart (workload by party). */}}
{{- define "asterism.credentialsPod" -}}
restartPolicy: Never
serviceAccountName: {{ .account }}
automountServiceAccountToken: true
enableServiceLinks: false
securityContext: {{- include "asterism.podSecurity" .root | nindent 2 }}
{{- include "asterism.pullSecrets" .root }}
containers:
  - name: credentials
    image: {{ include "asterism.controlPlaneImage" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command: [node, deploy/kubernetes/credentials.mjs]
    workingDir: /opt/asterism
    env:
      - name: NODE_EXTRA_CA_CERTS
        value: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
      - name: CREDENTIALS_WANTED
        value: {{ .wanted | toJson | quote }}
      {{- with .restart }}
      - name: CREDENTIALS_RESTART
        value: {{ toJson . | quote }}
      {{- end }}
    resources: { requests: { cpu: 50m, memory: 96Mi }, limits: { memory: 256Mi } }
    securityContext: {{- include "asterism.containerSecurity" .root | nindent 6 }}
{{- end }}
