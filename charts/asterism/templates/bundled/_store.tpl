{{/* Service and StatefulSet of one bundled store. Call with dict: root, store, port, user, container (YAML: command, args, env, mounts), storage. */}}
{{- define "asterism.store" -}}
{{- $name := printf "%s-%s" (include "asterism.fullname" .root) .store -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  labels: {{- include "asterism.labels" (list .root .store) | nindent 4 }}
spec:
  selector: {{- include "asterism.selector" (list .root .store) | nindent 4 }}
  ports: [{ name: {{ .store }}, port: {{ .port }}, targetPort: {{ .store }} }]
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $name }}
  labels: {{- include "asterism.labels" (list .root .store) | nindent 4 }}
spec:
  replicas: 1
  serviceName: {{ $name }}
  selector:
    matchLabels: {{- include "asterism.selector" (list .root .store) | nindent 6 }}
  template:
    metadata:
      labels: {{- include "asterism.labels" (list .root .store) | nindent 8 }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext:
        runAsNonRoot: true
        runAsUser: {{ .user }}
        runAsGroup: {{ .user }}
        fsGroup: {{ .user }}
        seccompProfile: { type: RuntimeDefault }
      {{- include "asterism.pullSecrets" .root | nindent 6 }}
      containers:
        - name: {{ .store }}
          image: {{ .values.image }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          {{- .container | nindent 10 }}
          ports: [{ name: {{ .store }}, containerPort: {{ .port }} }]
          readinessProbe: { tcpSocket: { port: {{ .store }} }, periodSeconds: 5 }
          livenessProbe: { tcpSocket: { port: {{ .store }} }, initialDelaySeconds: 60, periodSeconds: 20, failureThreshold: 6 }
          resources: {{- toYaml .values.resources | nindent 12 }}
          securityContext: {{- include "asterism.containerSecurity" .root | nindent 12 }}
          volumeMounts:
            - { name: tls, mountPath: /tls, readOnly: true }
            - { name: data, mountPath: /data }
            - { name: run, mountPath: /var/run/postgresql }
            - { name: run, mountPath: /tmp }
      volumes:
        - { name: tls, secret: { secretName: {{ $name }}-tls, defaultMode: 0440 } }
        - { name: run, emptyDir: {} }
        {{- if not .values.storage }}
        - { name: data, emptyDir: {} }
        {{- end }}
  {{- if .values.storage }}
  volumeClaimTemplates:
    - metadata: { name: data }
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .values.storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources: { requests: { storage: {{ .values.storage }} } }
  {{- end }}
{{- end }}
